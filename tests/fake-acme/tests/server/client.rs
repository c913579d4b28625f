//! A plain ACME client on OpenSSL alone, which can also make the mistakes that a server has to refuse.

use std::fmt::Write as _;
use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use openssl::{
    bn::{BigNum, BigNumContext},
    ec::{EcGroup, EcKey},
    ecdsa::EcdsaSig,
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    sha::sha256,
    sign::Signer,
    ssl::{SslConnector, SslMethod},
    x509::{X509, X509Req, extension::SubjectAlternativeName, store::X509StoreBuilder},
};
use serde_json::{Value, json};

const LONG: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn links(&self, relation: &str) -> Vec<String> {
        let end = format!(">;rel=\"{relation}\"");
        let links = self.headers.iter().filter(|(key, _)| key == "link");
        links.filter_map(|(_, link)| Some(link.strip_prefix('<')?.strip_suffix(&end)?.to_owned())).collect()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn text(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("no {name} in {self:?}")).to_owned()
    }

    /// The kind of problem without its URN.
    pub fn problem(&self) -> String {
        let kind = self.text("type");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert!(self.header("replay-nonce").is_some());
        kind.strip_prefix("urn:ietf:params:acme:error:").expect("an ACME error").to_owned()
    }

    pub fn location(&self) -> String {
        self.header("location").unwrap_or_else(|| panic!("no Location in {self:?}")).to_owned()
    }
}

/// One request on a connection of its own; an error is a connection that ended without an answer.
pub fn exchange(
    ca_pem: &str,
    (method, url): (&str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Answer> {
    let rest = url.strip_prefix("https://").expect("an https URL");
    let (authority, path) = rest.split_once('/').expect("a path");
    let mut store = X509StoreBuilder::new()?;
    store.add_cert(X509::from_pem(ca_pem.as_bytes())?)?;
    let mut connector = SslConnector::builder(SslMethod::tls_client())?;
    connector.set_cert_store(store.build());
    let stream = TcpStream::connect(authority)?;
    stream.set_read_timeout(Some(LONG))?;
    let mut stream = connector.build().connect("127.0.0.1", stream).map_err(io::Error::other)?;
    let mut request = format!("{method} /{path} HTTP/1.0\r\nHost: {authority}\r\n");
    for (name, value) in headers {
        write!(request, "{name}: {value}\r\n").expect("a text takes everything");
    }
    write!(request, "Content-Length: {}\r\n\r\n{body}", body.len()).expect("a text takes everything");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    Ok(Answer { status: status.ok_or(io::ErrorKind::InvalidData)?, headers, body: body.to_owned() })
}

/// What is different from an honest request.
#[derive(Clone, Debug, Default)]
pub struct Tweak {
    pub nonce: Option<String>,
    pub url: Option<String>,
    pub kid: Option<String>,
    pub bare_key: bool,
    pub break_signature: bool,
    pub content_type: Option<&'static str>,
    pub no_user_agent: bool,
    pub algorithm: Option<&'static str>,
}

pub struct Client {
    ca_pem: String,
    pub directory: Value,
    pub key: PKey<Private>,
    pub kid: String,
    pub last_nonce: String,
}

impl Client {
    /// With a new key and no account yet.
    pub fn new(directory_url: &str, ca_pem: &str) -> Self {
        let headers = [("User-Agent", "plain-client")];
        let directory = exchange(ca_pem, ("GET", directory_url), &headers, "").expect("a directory").json();
        Self {
            ca_pem: ca_pem.to_owned(),
            directory,
            key: new_key(),
            kid: String::new(),
            last_nonce: String::new(),
        }
    }

    pub fn url(&self, name: &str) -> String {
        self.directory[name].as_str().unwrap_or_else(|| panic!("no {name}")).to_owned()
    }

    pub fn get(&self, url: &str) -> Answer {
        exchange(&self.ca_pem, ("GET", url), &[("User-Agent", "plain-client")], "").expect("an answer")
    }

    pub fn nonce(&self) -> String {
        let headers = [("User-Agent", "plain-client")];
        let answer = exchange(&self.ca_pem, ("HEAD", &self.url("newNonce")), &headers, "");
        answer.expect("a nonce").header("replay-nonce").expect("a nonce").to_owned()
    }

    pub fn try_post(&mut self, url: &str, payload: Option<&Value>, tweak: &Tweak) -> io::Result<Answer> {
        let nonce = tweak.nonce.clone().unwrap_or_else(|| self.nonce());
        self.last_nonce.clone_from(&nonce);
        let mut header = json!({
            "alg": tweak.algorithm.unwrap_or("ES256"),
            "nonce": nonce,
            "url": tweak.url.as_deref().unwrap_or(url),
        });
        if tweak.bare_key || self.kid.is_empty() {
            header["jwk"] = jwk(&self.key);
        } else {
            header["kid"] = json!(tweak.kid.as_deref().unwrap_or(&self.kid));
        }
        let payload = payload.map(Value::to_string).unwrap_or_default();
        let mut body = jws(&self.key, &header, &payload);
        if tweak.break_signature {
            body["payload"] = json!(base64url(b"{\"status\":\"other\"}"));
        }
        let mut headers = vec![("Content-Type", tweak.content_type.unwrap_or("application/jose+json"))];
        if !tweak.no_user_agent {
            headers.push(("User-Agent", "plain-client"));
        }
        exchange(&self.ca_pem, ("POST", url), &headers, &body.to_string())
    }

    pub fn post(&mut self, url: &str, payload: &Value) -> Answer {
        self.try_post(url, Some(payload), &Tweak::default()).expect("an answer")
    }

    /// POST-as-GET.
    pub fn read(&mut self, url: &str) -> Answer {
        self.try_post(url, None, &Tweak::default()).expect("an answer")
    }

    pub fn register(&mut self, payload: &Value) -> Answer {
        let url = self.url("newAccount");
        let answer = self.post(&url, payload);
        if answer.status < 300 {
            self.kid = answer.location();
        }
        answer
    }

    pub fn order(&mut self, names: &[&str]) -> Answer {
        self.order_with(names, json!({}))
    }

    pub fn order_with(&mut self, names: &[&str], mut payload: Value) -> Answer {
        let identifier = |name: &&str| {
            let kind = if name.parse::<std::net::IpAddr>().is_ok() { "ip" } else { "dns" };
            json!({ "type": kind, "value": name })
        };
        payload["identifiers"] = names.iter().map(identifier).collect();
        let url = self.url("newOrder");
        self.post(&url, &payload)
    }

    /// The authorization at the URL and its challenge of the type.
    pub fn challenge(&mut self, authorization: &str, kind: &str) -> (Value, Value) {
        let authorization = self.read(authorization).json();
        let challenges = authorization["challenges"].as_array().expect("challenges").clone();
        let challenge = challenges.iter().find(|challenge| challenge["type"] == kind);
        let challenge = challenge.unwrap_or_else(|| panic!("no {kind} in {authorization}")).clone();
        (authorization, challenge)
    }

    /// Submits a challenge of each pending authorization after `prepare` has got its name, token and key authorization;
    /// returns the order as it is when it is not pending any more.
    pub fn authorize(&mut self, order: &str, kind: &str, prepare: impl Fn(&str, &str, &str)) -> Value {
        for url in urls(&self.read(order).json()["authorizations"]) {
            if self.read(&url).text("status") != "pending" {
                continue;
            }
            let (authorization, challenge) = self.challenge(&url, kind);
            let name = authorization["identifier"]["value"].as_str().expect("a name").to_owned();
            let token = challenge["token"].as_str().expect("a token").to_owned();
            prepare(&name, &token, &format!("{token}.{}", thumbprint(&self.key)));
            self.post(challenge["url"].as_str().expect("a URL"), &json!({}));
        }
        self.wait(order, |status| status != "pending")
    }

    pub fn finalize(&mut self, order: &str, csr: &X509Req) -> Answer {
        let url = self.read(order).text("finalize");
        let der = csr.to_der().expect("DER");
        self.post(&url, &json!({ "csr": base64url(&der) }))
    }

    /// The order as it is when its status is such.
    pub fn wait(&mut self, order: &str, done: impl Fn(&str) -> bool) -> Value {
        let deadline = Instant::now() + LONG;
        loop {
            let order = self.read(order).json();
            if done(order["status"].as_str().expect("a status")) {
                return order;
            }
            assert!(Instant::now() < deadline, "the order stays {order}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// From newOrder to the chain; all challenges are valid without preparation. Returns order URL, key and PEM.
    pub fn issue(&mut self, names: &[&str]) -> (String, PKey<Private>, String) {
        self.issue_with(names, json!({}))
    }

    pub fn issue_with(&mut self, names: &[&str], payload: Value) -> (String, PKey<Private>, String) {
        let order = self.order_with(names, payload).location();
        let ready = self.authorize(&order, "dns-01", |_, _, _| {});
        assert_eq!(ready["status"], "ready");
        let key = new_key();
        assert_eq!(self.finalize(&order, &csr(&key, names)).status, 200);
        let valid = self.wait(&order, |status| status != "processing");
        let chain = self.read(valid["certificate"].as_str().expect("a certificate"));
        (order, key, chain.body)
    }

    pub fn revoke(&mut self, certificate: &X509, reason: Option<u64>, tweak: &Tweak) -> Answer {
        let mut payload = json!({ "certificate": base64url(&certificate.to_der().expect("DER")) });
        if let Some(reason) = reason {
            payload["reason"] = json!(reason);
        }
        let url = self.url("revokeCert");
        self.try_post(&url, Some(&payload), tweak).expect("an answer")
    }
}

pub fn urls(list: &Value) -> Vec<String> {
    let list = list.as_array().expect("a list");
    list.iter().map(|url| url.as_str().expect("a URL").to_owned()).collect()
}

pub fn new_key() -> PKey<Private> {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
    PKey::from_ec_key(EcKey::generate(&curve).expect("a key")).expect("a key")
}

pub fn csr(key: &PKey<Private>, names: &[&str]) -> X509Req {
    let mut request = X509Req::builder().expect("a CSR");
    let mut alternatives = SubjectAlternativeName::new();
    for name in names {
        if name.parse::<std::net::IpAddr>().is_ok() {
            alternatives.ip(name)
        } else {
            alternatives.dns(name)
        };
    }
    let extension = alternatives.build(&request.x509v3_context(None)).expect("names");
    let mut extensions = openssl::stack::Stack::new().expect("a stack");
    extensions.push(extension).expect("a stack");
    request.add_extensions(&extensions).expect("names");
    request.set_pubkey(key).expect("a key");
    request.sign(key, MessageDigest::sha256()).expect("a signature");
    request.build()
}

/// A flattened JWS with ES256.
pub fn jws(key: &PKey<Private>, header: &Value, payload: &str) -> Value {
    let (header, payload) = (base64url(header.to_string().as_bytes()), base64url(payload.as_bytes()));
    let hash = sha256(format!("{header}.{payload}").as_bytes());
    let key = key.ec_key().expect("an EC key");
    let signature = EcdsaSig::sign(&hash, &key).expect("a signature");
    let half = |number: &openssl::bn::BigNumRef| number.to_vec_padded(32).expect("32 octets");
    let signature = [half(signature.r()), half(signature.s())].concat();
    json!({ "protected": header, "payload": payload, "signature": base64url(&signature) })
}

pub fn binding(kid: &str, mac_key: &[u8], url: &str, key: &PKey<Private>) -> Value {
    let header = base64url(json!({ "alg": "HS256", "kid": kid, "url": url }).to_string().as_bytes());
    let payload = base64url(jwk(key).to_string().as_bytes());
    let mac_key = PKey::hmac(mac_key).expect("a key");
    let mut signer = Signer::new(MessageDigest::sha256(), &mac_key).expect("a signer");
    signer.update(format!("{header}.{payload}").as_bytes()).expect("a signature");
    let signature = base64url(&signer.sign_to_vec().expect("a signature"));
    json!({ "protected": header, "payload": payload, "signature": signature })
}

pub fn jwk(key: &PKey<Private>) -> Value {
    let key = key.ec_key().expect("an EC key");
    let (mut x, mut y) = (BigNum::new().expect("a number"), BigNum::new().expect("a number"));
    let mut context = BigNumContext::new().expect("a context");
    key.public_key().affine_coordinates(key.group(), &mut x, &mut y, &mut context).expect("a point");
    let part = |number: &BigNum| base64url(&number.to_vec_padded(32).expect("32 octets"));
    json!({ "crv": "P-256", "kty": "EC", "x": part(&x), "y": part(&y) })
}

pub fn thumbprint(key: &PKey<Private>) -> String {
    let jwk = jwk(key);
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]);
    base64url(&sha256(canonical.as_bytes()))
}

pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The identifier of a certificate in renewal information (RFC 9773 §4.1).
pub fn renewal_id(certificate: &X509) -> String {
    let mut serial = certificate.serial_number().to_bn().expect("a number").to_vec();
    if serial[0] >= 0x80 {
        serial.insert(0, 0);
    }
    format!("{}.{}", base64url(certificate.authority_key_id().expect("an id").as_slice()), base64url(&serial))
}

/// Whether OpenSSL accepts the first certificate of the chain for the root.
pub fn is_trusted(chain: &str, root_pem: &str) -> bool {
    let chain = X509::stack_from_pem(chain.as_bytes()).expect("a chain");
    let mut store = X509StoreBuilder::new().expect("a store");
    store.add_cert(X509::from_pem(root_pem.as_bytes()).expect("a root")).expect("a store");
    let mut others = openssl::stack::Stack::new().expect("a stack");
    for certificate in &chain[1..] {
        others.push(certificate.clone()).expect("a stack");
    }
    let mut context = openssl::x509::X509StoreContext::new().expect("a context");
    context
        .init(&store.build(), &chain[0], &others, openssl::x509::X509StoreContextRef::verify_cert)
        .expect("a verdict")
}

pub fn leaf(chain: &str) -> X509 {
    X509::stack_from_pem(chain.as_bytes()).expect("a chain").remove(0)
}

pub fn names(certificate: &X509) -> Vec<String> {
    let names = certificate.subject_alt_names().expect("names");
    names.iter().filter_map(|name| name.dnsname().map(str::to_owned)).collect()
}
