//! CAs whose certificates are signed elsewhere, and CAs that move in with their keys. Everything elsewhere is `openssl`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::authority::P256;
use tests::openssl::Judge;
use tests::{TestApp, both_modes};

use super::{changed, text};
use crate::revoke::entries;

const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n\
                  subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";

/// A folder with a root of openssl's: `root.key`, `root.pem`.
fn elsewhere(extensions: &str) -> Judge {
    let judge = Judge::new();
    judge.run(&format!(
        "req -x509 {P256} -nodes -days 3650 -subj /O=Theirs/CN=Root {extensions} \
         -addext keyUsage=critical,keyCertSign,cRLSign -keyout root.key -out root.pem"
    ));
    judge
}

/// A CA that waits for its certificate, with its CSR in `ca.csr`.
async fn waiting(app: &TestApp, judge: &Judge, wish: Value) -> Value {
    let body = json!({
        "name": "ours", "common_name": "Ours CA", "organization": "Ours", "ca_type": "intermediate",
        "key_type": "ec", "external": true,
    });
    let made = app.post("/v1/pki/ca", changed(body, &wish)).await.json_with(StatusCode::CREATED);
    judge.write("ca.csr", text(&made["csr_pem"]));
    made
}

/// What the root makes of `ca.csr`.
fn signed(judge: &Judge, days: &str, extensions: &str) -> String {
    judge.write("extensions", extensions);
    judge.run(&format!(
        "x509 -req -in ca.csr -CA root.pem -CAkey root.key -days {days} -extfile extensions -out ca.pem"
    ));
    judge.read("ca.pem")
}

fn path(ca: &Value) -> String {
    format!("/v1/pki/ca/{}", text(&ca["id"]))
}

/// Issues a certificate into `leaf.pem`, with what is above it in `above.pem`.
async fn issue(app: &TestApp, judge: &Judge, ca: &Value, role: &str) -> Value {
    let body = json!({ "name": role, "ca_id": ca["id"], "key_type": "ec", "allow_any_name": true });
    app.post("/v1/pki/roles", body).await.json_with(StatusCode::CREATED);
    let issued = app.issue(role, "a.example.internal").await;
    judge.write("leaf.pem", text(&issued["certificate"]));
    let above: Vec<&str> = issued["ca_chain"].as_array().unwrap().iter().map(text).collect();
    judge.write("above.pem", above.concat());
    issued
}

fn b64(judge: &Judge, file: &str) -> String {
    STANDARD.encode(std::fs::read(judge.path().join(file)).unwrap())
}

/// An installation of `openssl ca`: a root that has revoked two certificates by its CRL number 41 (hexadecimal).
fn installation() -> Judge {
    let judge = elsewhere("");
    judge.write("index.txt", "");
    judge.write("serial", "1000");
    judge.write("crlnumber", "41");
    judge.write("leaf.ext", "subjectAltName=DNS:old.example.internal\n");
    judge.write(
        "ca.conf",
        "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\nserial=serial\ncrlnumber=crlnumber\nnew_certs_dir=.\n\
         certificate=root.pem\nprivate_key=root.key\ndefault_md=sha256\ndefault_days=30\ndefault_crl_days=7\n\
         policy=any\nunique_subject=no\ncrl_extensions=crl\n[any]\ncommonName=supplied\n\
         [crl]\nauthorityKeyIdentifier=keyid\n",
    );
    for name in ["old", "held", "kept"] {
        judge.run(&format!(
            "req -new {P256} -nodes -subj /CN={name}.example.internal -keyout l.key -out l.csr"
        ));
        judge.run(&format!("ca -batch -config ca.conf -in l.csr -extfile leaf.ext -out {name}.pem -notext"));
    }
    judge.run("ca -config ca.conf -revoke old.pem -crl_compromise 20260101000000Z");
    judge.run("ca -config ca.conf -revoke held.pem -crl_reason certificateHold");
    judge.run("ca -config ca.conf -gencrl -out list.pem");
    judge
}

fn moving(judge: &Judge) -> Value {
    json!({
        "name": "moved", "certificate_pem": judge.read("root.pem"), "private_key_pem": judge.read("root.key"),
        "crl_pem": judge.read("list.pem"),
    })
}

both_modes! {
    async fn a_ca_signed_elsewhere_issues_once_its_certificate_is_here(app: TestApp) {
        let judge = elsewhere("");
        let wish = json!({ "max_path_length": 0, "permitted_dns_domains": ["example.internal"] });
        let ca = waiting(&app, &judge, wish).await;
        assert_eq!((&ca["status"], &ca["is_active"]), (&json!("pending"), &json!(false)));
        assert_eq!((&ca["serial_number"], &ca["valid_until"], &ca["crl"]), (&json!(null), &json!(null), &json!(null)));
        let asked = judge.run("req -in ca.csr -noout -text -verify");
        for part in ["self-signature verify OK", "CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign", "DNS:example.internal"] {
            assert!(asked.contains(part), "no {part} in {asked}");
        }
        let id = text(&ca["id"]);
        let role = json!({ "name": "early", "ca_id": id, "key_type": "ec", "allow_any_name": true });
        let early = app.post("/v1/pki/roles", role).await.error(409, "invalid_state");
        assert!(text(&early["message"]).contains("waits for its certificate"), "{early}");
        for read in ["crl", "certificate"] {
            let refused = app.get(&format!("{}/{read}", path(&ca))).await.error(409, "invalid_state");
            assert!(text(&refused["message"]).contains("waits for its certificate"), "{refused}");
        }
        let below = json!({ "name": "b", "common_name": "B", "ca_type": "intermediate", "key_type": "ec", "parent_ca_id": id });
        app.post("/v1/pki/ca", below).await.error(409, "invalid_state");
        let csr = app.post("/v1/pki/csr", json!({ "subject": "CN=a.test", "key_type": "ec" })).await.json();
        let csr = format!("/v1/pki/csr/{}", text(&csr["id"]));
        app.post(&format!("{csr}/approve"), json!({})).await.json_with(StatusCode::OK);
        app.post(&format!("{csr}/sign"), json!({ "ca_id": id })).await.error(409, "invalid_state");
        for public in [format!("/pub/ca/{id}.crt"), format!("/pub/crl/{id}.crl")] {
            let answer = app.send(poem::http::Method::GET, &public, None, &[], None).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{public}");
        }
        // What was asked for is copied, as people do it.
        judge.run("x509 -req -in ca.csr -CA root.pem -CAkey root.key -days 900 -copy_extensions copy -out ca.pem");
        let body = json!({ "certificate_pem": judge.read("ca.pem"), "chain_pem": judge.read("root.pem") });
        let active = app.post(&format!("{}/certificate", path(&ca)), body).await.json_with(StatusCode::OK);
        assert_eq!((&active["status"], &active["ca_type"]), (&json!("active"), &json!("intermediate")));
        assert_eq!((&active["parent_ca_id"], &active["crl"]["entries"]), (&json!(null), &json!(0)));
        let issued = issue(&app, &judge, &ca, "web").await;
        assert_eq!(issued["ca_chain"].as_array().unwrap().len(), 2);
        judge.run("verify -x509_strict -CAfile root.pem -untrusted above.pem leaf.pem");
        judge.write("ca.crl", app.get(&format!("{}/crl", path(&ca))).await.body);
        assert!(judge.run("crl -inform der -in ca.crl -CAfile ca.pem -noout").contains("verify OK"));
        let revoke = json!({ "serial_number": issued["serial_number"] });
        app.post("/v1/pki/revoke", revoke).await.json_with(StatusCode::OK);
        app.eventually(&path(&ca), |ca| ca["crl"]["entries"] == 1).await;
        let sub = json!({ "name": "sub", "common_name": "Sub", "ca_type": "intermediate", "key_type": "ec", "parent_ca_id": id, "validity_days": 10 });
        app.post("/v1/pki/ca", sub).await.error(422, "validation_error");
        let anchor = json!({ "name": "theirs", "certificate_pem": judge.read("root.pem") });
        app.post("/v1/pki/trust-anchors", anchor).await.json_with(StatusCode::CREATED);
        let validate = json!({ "certificate_pem": issued["certificate"] });
        let valid = app.post("/v1/pki/certificates/validate", validate).await.json_with(StatusCode::OK);
        assert_eq!(valid["chain_valid"], true, "{valid}");
        assert_eq!(valid["errors"][0]["code"], "revoked", "{valid}");
    }

    async fn what_does_not_fit_a_waiting_ca_is_said(app: TestApp) {
        let judge = elsewhere("");
        let ca = waiting(&app, &judge, json!({})).await;
        let give = format!("{}/certificate", path(&ca));
        let root = judge.read("root.pem");
        let good = signed(&judge, "900", CA);
        let leaf = signed(&judge, "900", "basicConstraints=CA:FALSE\n");
        let no_crls = signed(&judge, "900", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n");
        judge.write("extensions", CA);
        judge.run(&format!("req -new {P256} -nodes -subj /CN=Other -keyout other.key -out other.csr"));
        judge.run("x509 -req -in other.csr -CA root.pem -CAkey root.key -days 9 -extfile extensions -out other.pem");
        let stranger = elsewhere("").read("root.pem");
        let narrow = elsewhere("-addext basicConstraints=critical,CA:TRUE,pathlen:0");
        narrow.write("ca.csr", text(&ca["csr_pem"]));
        let too_deep = signed(&narrow, "900", CA);
        let large = "A".repeat(2 << 20);
        let narrow = narrow.read("root.pem");
        for (case, certificate, chain, said) in [
            ("another key", judge.read("other.pem"), Some(&root), "certifies another key"),
            ("a leaf", leaf, Some(&root), "it is not a CA's"),
            ("no CRLs", no_crls, Some(&root), "lacks cRLSign"),
            ("alone", good.clone(), None, "the certificate of its issuer `CN=Root,O=Theirs` is needed too"),
            ("below somebody else", good.clone(), Some(&stranger), "cannot be verified"),
            ("too deep", too_deep, Some(&narrow), "path length"),
            ("nothing", "nothing".to_owned(), None, "certificate_pem"),
        ] {
            let mut body = json!({ "certificate_pem": certificate });
            if let Some(chain) = chain {
                body["chain_pem"] = json!(chain);
            }
            let error = app.post(&give, body).await.error(422, "certificate_invalid");
            assert!(text(&error["message"]).contains(said), "{case}: {error}");
        }
        let with_key = json!({ "certificate_pem": good.clone() + &judge.read("other.key"), "chain_pem": root });
        assert!([422].contains(&app.post(&give, with_key).await.status.as_u16()));
        app.post(&give, json!({ "certificate_pem": large })).await.error(413, "body_too_large");
        let (_, stranger) = app.another_tenant("second").await;
        let body = json!({ "certificate_pem": good, "chain_pem": root });
        app.post_as(&stranger, &give, body.clone()).await.error(404, "ca_not_found");
        assert_eq!(app.get(&path(&ca)).await.json()["status"], "pending", "a refused call changed something");
        let both = app.post_at_once(vec![(give.clone(), body.clone()), (give.clone(), body.clone())]).await;
        let mut statuses: Vec<u16> = both.iter().map(|answer| answer.status.as_u16()).collect();
        statuses.sort_unstable();
        // The other one finds the CA waiting no more, or with this certificate.
        assert!(statuses[0] == 200 && [409, 422].contains(&statuses[1]), "{} {}", both[0].text(), both[1].text());
        let again = app.post(&give, body.clone()).await.error(422, "certificate_invalid");
        assert!(text(&again["message"]).contains("has already"), "{again}");
        let late = waiting(&app, &judge, json!({ "name": "late" })).await;
        let over = json!({ "certificate_pem": signed(&judge, "1", CA), "chain_pem": root });
        app.advance(Duration::from_hours(49)).await;
        let error = app.post(&format!("{}/certificate", path(&late)), over).await.error(422, "certificate_invalid");
        assert!(text(&error["message"]).contains("it ended at"), "{error}");
        let own = app.root_ca("root").await;
        app.post(&format!("{}/certificate", path(&own)), body).await.error(409, "invalid_state");
        for (field, wish) in [
            ("ca_type", json!({ "ca_type": "root" })),
            ("parent_ca_id", json!({ "parent_ca_id": own["id"] })),
            ("validity_days", json!({ "validity_days": 10 })),
        ] {
            let body = json!({ "name": "x", "common_name": "X", "ca_type": "intermediate", "external": true });
            let error = app.post("/v1/pki/ca", changed(body, &wish)).await.error(422, "validation_error");
            assert!(error["details"]["fields"][field].is_string(), "{error}");
        }
    }

    async fn a_waiting_ca_can_be_given_up(app: TestApp) {
        let judge = elsewhere("");
        let ca = waiting(&app, &judge, json!({})).await;
        app.post(&format!("{}/revoke", path(&ca)), json!({})).await.json_with(StatusCode::ACCEPTED);
        app.eventually(&path(&ca), |ca| ca["revocation"]["completed_at"].is_string()).await;
        let body = json!({ "certificate_pem": signed(&judge, "90", CA), "chain_pem": judge.read("root.pem") });
        let refused = app.post(&format!("{}/certificate", path(&ca)), body).await.error(409, "invalid_state");
        assert_eq!(refused["details"]["state"], "revoked", "{refused}");
    }

    async fn a_ca_here_that_has_signed_it_becomes_its_parent(app: TestApp) {
        let judge = installation();
        let root = app.post("/v1/pki/ca/import", moving(&judge)).await.json_with(StatusCode::CREATED);
        let ca = waiting(&app, &judge, json!({})).await;
        let body = json!({ "certificate_pem": signed(&judge, "90", CA), "chain_pem": judge.read("root.pem") });
        let active = app.post(&format!("{}/certificate", path(&ca)), body).await.json_with(StatusCode::OK);
        assert_eq!(active["parent_ca_id"], root["id"]);
        app.post(&format!("{}/revoke", path(&root)), json!({})).await.json_with(StatusCode::ACCEPTED);
        app.eventually(&path(&ca), |ca| ca["status"] == "revoked").await;
    }

    async fn an_installation_moves_in_with_what_it_has_revoked(app: TestApp) {
        let judge = installation();
        let ca = app.post("/v1/pki/ca/import", moving(&judge)).await.json_with(StatusCode::CREATED);
        assert_eq!((&ca["ca_type"], &ca["status"], &ca["common_name"]), (&json!("root"), &json!("active"), &json!("Root")));
        assert!(ca["crl"]["number"].as_i64().unwrap() > 0x41 && ca["crl"]["entries"] == 2, "{ca}");
        let listed = entries(&app, &path(&ca)).await;
        let wanted = json!({ "1000": "Key Compromise", "1001": "Certificate Hold" });
        assert_eq!(json!(listed), wanted);
        issue(&app, &judge, &ca, "web").await;
        judge.run("verify -x509_strict -CAfile root.pem leaf.pem");
        // The next list has them too, and what is revoked here.
        let built = app.post(&format!("{}/crl", path(&ca)), json!({})).await.json_with(StatusCode::OK);
        judge.write("next.pem", text(&built["crl_pem"]));
        assert!(judge.run("crl -in next.pem -CAfile root.pem -noout").contains("verify OK"));
        let described = judge.run("crl -in next.pem -noout -text");
        assert!(described.contains("Invalidity Date") && described.contains("Jan  1 00:00:00 2026"), "{described}");
        assert!(built["crl_number"].as_i64() > ca["crl"]["number"].as_i64());
        assert_eq!(json!(entries(&app, &path(&ca)).await), wanted);
        judge.run("crl -in next.pem -outform der -out next.crl");
        let (ok, said) = judge.try_run("verify -crl_check -CAfile root.pem -CRLfile next.pem old.pem");
        assert!(!ok && said.contains("certificate revoked"), "{said}");
        judge.run("verify -crl_check -CAfile root.pem -CRLfile next.pem kept.pem");
        // OCSP and validation know it.
        judge.run("ocsp -issuer root.pem -cert old.pem -reqout request.der");
        let request = std::fs::read(judge.path().join("request.der")).unwrap();
        let ocsp = format!("/pub/ocsp/{}", text(&ca["id"]));
        let answer = app.send(poem::http::Method::POST, &ocsp, None, &[], Some(("application/ocsp-request", request))).await;
        judge.write("answer.der", &answer.body);
        let told = judge.run("ocsp -no_nonce -reqin request.der -respin answer.der -CAfile root.pem -issuer root.pem -cert old.pem");
        assert!(told.contains("old.pem: revoked"), "{told}");
        let validate = json!({ "certificate_pem": judge.read("old.pem") });
        let invalid = app.post("/v1/pki/certificates/validate", validate).await.json_with(StatusCode::OK);
        assert_eq!(invalid["errors"][0]["code"], "revoked", "{invalid}");
    }

    async fn certificates_of_a_ca_that_moved_in_come_as_they_stand(app: TestApp) {
        let judge = installation();
        let ca = app.post("/v1/pki/ca/import", moving(&judge)).await.json_with(StatusCode::CREATED);
        let import = async |file: &str| {
            let body = json!({ "certificate_pem": judge.read(file), "ca_id": ca["id"] });
            app.post("/v1/pki/certificates/import", body).await.json_with(StatusCode::CREATED)
        };
        let (held, kept) = (import("held.pem").await, import("kept.pem").await);
        assert_eq!((&held["status"], &held["revocation_reason"]), (&json!("revoked"), &json!("certificateHold")));
        assert_eq!(kept["status"], "active");
        let release = json!({ "serial_number": held["serial_number"], "reason": "removeFromCRL" });
        app.post("/v1/pki/revoke", release).await.json_with(StatusCode::OK);
        let revoke = json!({ "serial_number": kept["serial_number"], "reason": "superseded" });
        app.post("/v1/pki/revoke", revoke).await.json_with(StatusCode::OK);
        app.post(&format!("{}/crl", path(&ca)), json!({})).await.json_with(StatusCode::OK);
        let listed = entries(&app, &path(&ca)).await;
        assert_eq!(json!(listed), json!({ "1000": "Key Compromise", "1002": "Superseded" }));
    }

    async fn a_ca_moves_in_in_every_form(app: TestApp) {
        let judge = elsewhere("");
        judge.run(&format!("req -new {P256} -nodes -subj /CN=Issuing -keyout ca.key -out ca.csr"));
        signed(&judge, "400", CA);
        judge.run("pkcs12 -export -in ca.pem -inkey ca.key -certfile root.pem -passout pass:secret -out ca.p12");
        judge.run("pkey -in ca.key -aes256 -passout pass:secret -out locked.key");
        let bundle = json!({ "name": "bundle", "pkcs12": b64(&judge, "ca.p12"), "private_key_password": "secret" });
        let ca = app.post("/v1/pki/ca/import", bundle.clone()).await.json_with(StatusCode::CREATED);
        assert_eq!((&ca["ca_type"], &ca["key_type"]), (&json!("intermediate"), &json!("ec")));
        issue(&app, &judge, &ca, "web").await;
        judge.run("verify -x509_strict -CAfile root.pem -untrusted above.pem leaf.pem");
        let again = app.post("/v1/pki/ca/import", changed(bundle, &json!({ "name": "again" }))).await;
        let again = again.error(409, "already_exists");
        assert!(text(&again["message"]).contains(text(&ca["id"])), "{again}");
        // Another tenant knows nothing of it.
        let (_, stranger) = app.another_tenant("second").await;
        let locked = json!({
            "name": "locked", "certificate_pem": judge.read("ca.pem"), "chain_pem": judge.read("root.pem"),
            "private_key_pem": judge.read("locked.key"), "private_key_password": "secret", "crl_number": 9_000_000_000_i64,
        });
        let theirs = app.post_as(&stranger, "/v1/pki/ca/import", locked).await.json_with(StatusCode::CREATED);
        assert_eq!(theirs["crl"]["number"], 9_000_000_001_i64);
    }

    async fn what_cannot_move_in_is_said(app: TestApp) {
        let judge = installation();
        let other = installation();
        for (case, change, code, said) in [
            ("no key", json!({ "private_key_pem": null }), "validation_error", "a CA issues nothing here without its key"),
            ("another key", json!({ "private_key_pem": other.read("root.key") }), "certificate_invalid", "does not belong"),
            ("a leaf", json!({ "certificate_pem": judge.read("kept.pem"), "private_key_pem": judge.read("l.key"), "chain_pem": judge.read("root.pem") }), "certificate_invalid", "not a CA's"),
            ("another's CRL", json!({ "crl_pem": other.read("list.pem") }), "validation_error", "was not signed with the key of this CA"),
            ("no CRL", json!({ "crl_pem": "nothing!" }), "validation_error", "neither PEM nor DER"),
            ("two CRLs", json!({ "crl_pem": judge.read("list.pem").repeat(2) }), "validation_error", "must be one CRL"),
            ("a number below", json!({ "crl_number": -1 }), "validation_error", "must be from 0"),
            ("no name", json!({ "name": "" }), "validation_error", "1 to 128"),
        ] {
            let answer = app.post("/v1/pki/ca/import", changed(moving(&judge), &change)).await;
            let error = answer.error(422, code);
            assert!(error.to_string().contains(said), "{case}: {error}");
        }
        judge.run("req -x509 -nodes -subj /CN=Small -newkey rsa:1024 -keyout small.key -out small.pem");
        let small = json!({ "name": "small", "certificate_pem": judge.read("small.pem"), "private_key_pem": judge.read("small.key") });
        app.post("/v1/pki/ca/import", small).await.error(422, "validation_error");
        assert_eq!(crate::ca::count(&app).await, 0);
    }

    async fn constraints_of_a_ca_from_elsewhere_are_kept(app: TestApp) {
        let judge = elsewhere("");
        let ca = waiting(&app, &judge, json!({})).await;
        let certificate = signed(&judge, "90", &format!("{CA}nameConstraints=critical,permitted;DNS:example.internal,permitted;IP:10.0.0.0/255.0.0.0\n"));
        let body = json!({ "certificate_pem": certificate, "chain_pem": judge.read("root.pem") });
        app.post(&format!("{}/certificate", path(&ca)), body).await.json_with(StatusCode::OK);
        issue(&app, &judge, &ca, "web").await;
        judge.run("verify -x509_strict -CAfile root.pem -untrusted above.pem leaf.pem");
        let issue = async |ip: &str, name: &str| {
            let body = json!({ "common_name": name, "ip_sans": [ip] });
            app.post("/v1/pki/issue/web", body).await
        };
        issue("10.1.2.3", "b.example.internal").await.json_with(StatusCode::CREATED);
        for (ip, name) in [("192.0.2.1", "b.example.internal"), ("10.1.2.3", "b.example.org")] {
            let refused = issue(ip, name).await.error(422, "role_violation");
            assert_eq!(refused["details"]["rule"], "ca_name_constraints", "{refused}");
        }
    }

    async fn constraints_on_mailboxes_hold_for_those_beyond_ascii(app: TestApp) {
        let judge = elsewhere("");
        let ca = waiting(&app, &judge, json!({})).await;
        let certificate = signed(&judge, "90", &format!("{CA}nameConstraints=critical,permitted;email:good.example\n"));
        let body = json!({ "certificate_pem": certificate, "chain_pem": judge.read("root.pem") });
        app.post(&format!("{}/certificate", path(&ca)), body).await.json_with(StatusCode::OK);
        let role = json!({ "name": "mail", "ca_id": ca["id"], "key_type": "ec", "allow_any_name": true, "allowed_other_sans": ["*"] });
        app.post("/v1/pki/roles", role).await.json_with(StatusCode::CREATED);
        let issue = async |mailbox: &str| {
            let name = format!("1.3.6.1.5.5.7.8.9;UTF8:{mailbox}");
            app.post("/v1/pki/issue/mail", json!({ "common_name": "a.example.internal", "other_sans": [name] })).await
        };
        let issued = issue("änn@good.example").await.json_with(StatusCode::CREATED);
        judge.write("leaf.pem", text(&issued["certificate"]));
        judge.run("verify -x509_strict -CAfile root.pem -untrusted ca.pem leaf.pem");
        let refused = issue("änn@bad.example").await.error(422, "role_violation");
        assert_eq!(refused["details"]["rule"], "ca_name_constraints", "{refused}");
    }
}
