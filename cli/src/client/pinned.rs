//! Gets the root certificate of a server when its fingerprint is known.

use std::net::TcpStream;
use std::net::ToSocketAddrs;
use std::time::Duration;

use anyhow::{Context, bail};
use openssl::hash::MessageDigest;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use openssl::x509::X509;
use reqwest::Url;

const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The self-signed certificate above the server's own whose SHA-256 is `fingerprint`, in PEM. Nothing else that the server
/// says is believed before: no token has been sent yet.
///
/// Servers usually leave the root out of what they present; then it is asked for at the address that the topmost
/// certificate gives for its issuer (RFC 5280 §4.2.2.1, `caIssuers`).
pub(super) async fn root(url: &Url, fingerprint: &str) -> anyhow::Result<String> {
    let wanted: String =
        fingerprint.chars().filter(char::is_ascii_hexdigit).map(|c| c.to_ascii_lowercase()).collect();
    if wanted.len() != 64 {
        bail!("`{fingerprint}` is not a SHA-256 fingerprint: 64 hexadecimal digits are expected");
    }
    if url.scheme() != "https" {
        bail!("{url} is not https, so there is no certificate to compare");
    }
    let (host, port) =
        (url.host_str().unwrap_or_default().to_owned(), url.port_or_known_default().unwrap_or(443));
    let presented = tokio::task::spawn_blocking(move || presented(&host, port)).await??;
    for certificate in &presented {
        if sha256(certificate)? == wanted {
            return as_root(certificate);
        }
    }
    let issuer = match presented.last() {
        Some(topmost) => issuer_of(topmost).await,
        None => None,
    };
    if let Some(issuer) = issuer
        && sha256(&issuer)? == wanted
    {
        return as_root(&issuer);
    }
    bail!(
        "no certificate above that of {url} has this fingerprint: either it is mistyped, or this is not the server"
    )
}

/// The certificates that a server presents, its own first. They are not checked in any way.
pub(super) fn presented(host: &str, port: u16) -> anyhow::Result<Vec<X509>> {
    let host = host.trim_matches(['[', ']']);
    let unreachable = || format!("{host}:{port} does not answer");
    let addresses = (host, port).to_socket_addrs().with_context(unreachable)?;
    let mut refused = None;
    for address in addresses.take(8) {
        match TcpStream::connect_timeout(&address, TIME_LIMIT) {
            Ok(stream) => {
                return handshake(host, stream).with_context(|| format!("{host}:{port} speaks no TLS"));
            }
            Err(error) => refused = Some(error),
        }
    }
    match refused {
        Some(error) => Err(error).with_context(unreachable),
        None => bail!("{host} has no address"),
    }
}

fn handshake(host: &str, stream: TcpStream) -> anyhow::Result<Vec<X509>> {
    stream.set_read_timeout(Some(TIME_LIMIT))?;
    stream.set_write_timeout(Some(TIME_LIMIT))?;
    let mut connector = SslConnector::builder(SslMethod::tls_client())?;
    connector.set_verify(SslVerifyMode::NONE);
    let configuration = connector.build().configure()?.verify_hostname(false);
    let stream = configuration.connect(host, stream).map_err(|error| anyhow::anyhow!("{error}"))?;
    let chain = stream.ssl().peer_cert_chain().context("no certificate was presented")?;
    Ok(chain.iter().map(ToOwned::to_owned).collect())
}

/// The issuer's certificate from the address in `certificate`; none when there is no such address or no answer.
async fn issuer_of(certificate: &X509) -> Option<X509> {
    let access = certificate.authority_info()?;
    let address = access.iter().find_map(|access| {
        (access.method().nid() == openssl::nid::Nid::AD_CA_ISSUERS)
            .then(|| access.location().uri().map(str::to_owned))
            .flatten()
    })?;
    let octets = fetched(&address).await?;
    X509::from_der(&octets).or_else(|_| X509::from_pem(&octets)).ok()
}

/// Octets of a certificate that are read at most.
const MOST_OCTETS: usize = 65_536;

async fn fetched(address: &str) -> Option<Vec<u8>> {
    let client = reqwest::Client::builder().timeout(TIME_LIMIT).build().ok()?;
    let mut answer = client.get(address).send().await.ok()?.error_for_status().ok()?;
    let mut octets = Vec::new();
    while let Some(chunk) = answer.chunk().await.ok()? {
        octets.extend_from_slice(&chunk);
        if octets.len() > MOST_OCTETS {
            return None;
        }
    }
    Some(octets)
}

fn sha256(certificate: &X509) -> anyhow::Result<String> {
    Ok(certmill_x509::hex(&certificate.digest(MessageDigest::sha256())?))
}

fn as_root(certificate: &X509) -> anyhow::Result<String> {
    let key = certificate.public_key()?;
    if !certificate.verify(&key)? {
        bail!(
            "the certificate with this fingerprint is not a root: give the fingerprint of the root above it"
        );
    }
    Ok(String::from_utf8(certificate.to_pem()?)?)
}
