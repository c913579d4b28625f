//! A client certificate in the place of a token: when the one of a connection speaks for a request on it.

use certmill_listen::PeerCertificate;
use certmill_service::domain::Network;
use poem::Request;

/// Headers of requests that somebody else than the holder of the certificate may have thought of. Proxies that pass requests on
/// (RFC 7239, RFC 9110 §7.6.3) show a certificate of their own, and browsers send their user's along whatever page asks.
const OF_OTHERS: [&str; 6] =
    ["forwarded", "x-forwarded-for", "via", "origin", "sec-fetch-site", "sec-fetch-mode"];

/// The certificate that a request without an `Authorization` header is authenticated by, if its client has shown one and asks for
/// itself: no proxy does that, neither one that is trusted nor one that says what it is.
pub(crate) fn of<'a>(request: &'a Request, trusted_proxies: &[Network]) -> Option<&'a PeerCertificate> {
    let certificate = request.extensions().get::<PeerCertificate>()?;
    let peer = request.remote_addr().as_socket_addr()?.ip().to_canonical();
    let is_for_others = trusted_proxies.iter().any(|network| network.contains(peer))
        || OF_OTHERS.iter().any(|header| request.headers().contains_key(*header));
    (!is_for_others).then_some(certificate)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use poem::Body;
    use poem::http::uri::Scheme;
    use poem::web::{LocalAddr, RemoteAddr};

    use super::*;

    fn is_taken(peer: &str, headers: &[(&str, &str)], trusted: &[&str]) -> bool {
        let request = poem::http::Request::builder().extension(PeerCertificate { sha256: [7; 32] });
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let peer: SocketAddr = format!("{peer}:4711").parse().unwrap();
        let parts = request.body(()).unwrap().into_parts().0;
        let parts = (parts, LocalAddr(peer.into()), RemoteAddr(peer.into()), Scheme::HTTPS).into();
        let trusted: Vec<Network> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        of(&Request::from_parts(parts, Body::empty()), &trusted).is_some()
    }

    #[test]
    fn what_others_ask_for_is_not_in_the_name_of_the_certificate() {
        assert!(is_taken("192.0.2.1", &[], &[]));
        assert!(is_taken("192.0.2.1", &[("user-agent", "curl/8")], &["10.0.0.0/8"]));
        for (peer, headers) in [
            ("10.0.0.1", &[][..]),
            ("192.0.2.1", &[("x-forwarded-for", "198.51.100.7")]),
            ("192.0.2.1", &[("forwarded", "for=198.51.100.7")]),
            ("192.0.2.1", &[("via", "1.1 proxy")]),
            ("192.0.2.1", &[("origin", "https://elsewhere.example")]),
            ("192.0.2.1", &[("sec-fetch-site", "cross-site")]),
        ] {
            assert!(!is_taken(peer, headers, &["10.0.0.0/8"]), "{peer} {headers:?}");
        }
    }
}
