//! TLS as OpenSSL's client sees it.

use std::time::Instant;

use certmill_listen::{ClientCertificates, Limits, Tls};
use openssl::pkey::PKey;
use openssl::x509::X509;
use tests::openssl::Judge;

use super::{HERE, SHORT, Site, closed_after, having_sent};

/// A certificate for this name.
fn certificate(judge: &Judge, name: &str) -> (Vec<X509>, PKey<openssl::pkey::Private>) {
    judge.run(&format!(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.crt -days 2 \
         -subj /CN={name}"
    ));
    let chain = X509::stack_from_pem(judge.read(&format!("{name}.crt")).as_bytes()).unwrap();
    (chain, PKey::private_key_from_pem(judge.read(&format!("{name}.key")).as_bytes()).unwrap())
}

async fn site(judge: &Judge, limits: Limits) -> (Site, Tls) {
    let (chain, key) = certificate(judge, "first");
    let tls = Tls::new(&chain, &key, ClientCertificates::Ignored).unwrap();
    (Site::open(limits, Some(tls.clone())).await, tls)
}

/// What `openssl s_client` says with these options.
async fn client(site: &Site, options: &str) -> (bool, String) {
    let arguments = format!("s_client -connect {} {options}", site.address);
    tokio::task::spawn_blocking(move || {
        let output = std::process::Command::new("openssl")
            .args(arguments.split_whitespace())
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    })
    .await
    .unwrap()
}

/// Old versions and suites without authenticated encryption can be attacked on the wire.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_versions_and_suites_without_known_weaknesses_are_spoken() {
    let judge = Judge::new();
    let (site, _) = site(&judge, Limits::default()).await;
    for (options, is_taken, told) in [
        ("-tls1_3", true, "TLSv1.3"),
        ("-tls1_2", true, "GCM"),
        ("-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305", true, "CHACHA20"),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA", false, ""),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES256-SHA384", false, ""),
        ("-tls1_1 -cipher ALL:@SECLEVEL=0", false, ""),
        ("-alpn h2,http/1.1", true, "ALPN protocol: h2"),
        ("-alpn http/1.1", true, "ALPN protocol: http/1.1"),
        ("-alpn imap", false, ""),
    ] {
        let (taken, said) = client(&site, options).await;
        assert!(taken == is_taken && said.contains(told), "{options}: {said}");
    }
}

/// Half a handshake holds a connection before there is any HTTP.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_handshake_is_closed_while_others_are_served() {
    let judge = Judge::new();
    let limits = Limits { handshake_timeout: SHORT, ..Limits::default() };
    let (site, _) = site(&judge, limits).await;
    let since = Instant::now();
    let mut held = Vec::new();
    for number in 0..60 {
        // The beginning of a record with a ClientHello of 512 octets.
        let sent: &[u8] = [&b""[..], &[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]][number % 2];
        held.push(having_sent(site.address, sent).await);
    }
    let (taken, said) = client(&site, "-tls1_3").await;
    assert!(taken, "{said}");
    for client in &mut held {
        closed_after(client, since, SHORT).await;
    }
    // After the handshake, a connection is one of HTTP.
    assert_eq!(site.honest(HERE).await, "", "plain HTTP on a port of TLS");
}

/// A certificate that ends while the service runs must not end the service.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_replaced_while_it_is_served() {
    let judge = Judge::new();
    let (site, tls) = site(&judge, Limits::default()).await;
    assert!(
        client(&site, "").await.1.contains("CN = first") || client(&site, "").await.1.contains("CN=first")
    );
    let (second, key) = certificate(&judge, "second");
    tls.replace(&second, &key).unwrap();
    let said = client(&site, "").await.1;
    assert!(said.contains("CN = second") || said.contains("CN=second"), "{said}");
    let (_, foreign) = certificate(&judge, "third");
    assert!(tls.replace(&second, &foreign).is_err(), "a key of another certificate");
    let said = client(&site, "").await.1;
    assert!(said.contains("CN = second") || said.contains("CN=second"), "{said}");
}

/// A port that asks for certificates.
async fn asking(judge: &Judge) -> Site {
    let (chain, key) = certificate(judge, "first");
    let tls = Tls::new(&chain, &key, ClientCertificates::Requested).unwrap();
    Site::open(Limits::default(), Some(tls)).await
}

/// A call with these options of `openssl s_client`, and all that came until the connection ended.
async fn spoken(site: &Site, options: &str) -> String {
    let call = format!(
        "printf 'GET /healthz HTTP/1.1\\r\\nHost: pki.test\\r\\nConnection: close\\r\\n\\r\\n' | \
         openssl s_client -connect {} -alpn http/1.1 -ign_eof {options} 2>&1",
        site.address
    );
    let output = tokio::task::spawn_blocking(move || {
        std::process::Command::new("/bin/sh").args(["-c", &call]).output().unwrap()
    });
    String::from_utf8_lossy(&output.await.unwrap().stdout).into_owned()
}

/// Nobody needs a certificate where certificates are asked for, and whatever it is, it changes nothing about the handshake.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_asked_for_a_certificate_may_have_none() {
    let judge = Judge::new();
    let site = asking(&judge).await;
    certificate(&judge, "client");
    let path = |name: &str| judge.path().join(name).display().to_string();
    let own = format!("-cert {} -key {}", path("client.crt"), path("client.key"));
    // As long as a stranger likes: nothing of it is looked at.
    let chain: String = (0..20).map(|_| judge.read("client.crt")).collect();
    judge.write("chain.crt", chain);
    let long = format!("{own} -cert_chain {}", path("chain.crt"));
    for version in ["-tls1_3", "-tls1_2"] {
        for shown in ["", own.as_str(), long.as_str()] {
            let said = spoken(&site, &format!("{version} {shown}")).await;
            assert!(said.contains("HTTP/1.1 200"), "{version} {shown}: {said}");
        }
    }
    // The signature of an unusually long key would take long to check.
    judge.run("req -x509 -newkey rsa:4608 -nodes -keyout long.key -out long.crt -days 2 -subj /CN=long");
    let said = spoken(&site, &format!("-cert {} -key {}", path("long.crt"), path("long.key"))).await;
    assert!(!said.contains("HTTP/1.1 200"), "{said}");
    assert!(spoken(&site, &own).await.contains("HTTP/1.1 200"), "the others are served on");
}

/// A session that is resumed would not prove again who has the key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_not_resumed_where_certificates_are_asked_for() {
    let judge = Judge::new();
    let (plain, _) = site(&judge, Limits::default()).await;
    let asking = asking(&judge).await;
    for (site, resumes) in [(&plain, true), (&asking, false)] {
        let said = client(site, "-tls1_2 -reconnect").await.1;
        assert_eq!(said.contains("Reused, TLSv1.2"), resumes, "{said}");
        let said = spoken(site, "-tls1_3").await;
        assert!(said.contains("HTTP/1.1 200"), "{said}");
        assert_eq!(said.contains("New Session Ticket arrived"), resumes, "{said}");
    }
}
