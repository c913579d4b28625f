//! Where the requests go, and their heads.

use anyhow::{Context, bail, ensure};

/// A service's base URL and the token that its requests carry.
#[derive(Clone)]
pub struct Target {
    authority: String,
    base: String,
    token: String,
}

impl Target {
    /// Reads `http://host[:port][/base]`.
    ///
    /// # Errors
    /// When the URL is not plain `http`, names no host or no port number, or when URL or token hold what a header
    /// cannot.
    pub fn parse(url: &str, token: &str) -> anyhow::Result<Self> {
        let Some(rest) = url.strip_prefix("http://") else {
            if url.starts_with("https://") {
                bail!(
                    "{url} asks for TLS, but the load generator speaks plain http only, so that it does not measure \
                     its own encryption: start the service with --plain-http and give its http:// address"
                );
            }
            bail!("{url} is not an http:// URL");
        };
        let (host, base) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        ensure!(
            !host.is_empty() && rest.chars().all(|c| c.is_ascii_graphic()),
            "{url} is not a URL with a host"
        );
        ensure!(
            !host.contains('@') && !rest.contains(['?', '#']),
            "{url} may hold a host, a port and a path, nothing else"
        );
        ensure!(
            !token.is_empty() && token.chars().all(|c| c.is_ascii_graphic()),
            "the token is empty or holds characters that no token has"
        );
        let authority = match host.rsplit_once(':') {
            Some((_, port)) if !port.ends_with(']') => {
                port.parse::<u16>().with_context(|| format!("{url}: {port} is not a port"))?;
                host.to_owned()
            }
            _ => format!("{host}:80"),
        };
        Ok(Self { authority, base: base.trim_end_matches('/').to_owned(), token: token.to_owned() })
    }

    /// `host:port`, for a connection.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Appends a whole GET request for `path`, which begins with `/`.
    pub fn append_get(&self, path: &str, request: &mut Vec<u8>) {
        for part in [
            "GET ",
            &self.base,
            path,
            " HTTP/1.1\r\nhost: ",
            &self.authority,
            "\r\naccept: application/json\r\nauthorization: Bearer ",
            &self.token,
            "\r\n\r\n",
        ] {
            request.extend_from_slice(part.as_bytes());
        }
    }

    /// Everything of a POST request for `path` that is the same for all bodies.
    pub fn post(&self, path: &str) -> PostHead {
        let more = format!("accept: application/json\r\nauthorization: Bearer {}\r\n", self.token);
        self.head(path, &more, "application/json")
    }

    /// The same for bodies of another media type, of what needs no token.
    pub fn post_of(&self, path: &str, media_type: &str) -> PostHead {
        self.head(path, "", media_type)
    }

    fn head(&self, path: &str, more: &str, media_type: &str) -> PostHead {
        PostHead(
            format!(
                "POST {}{path} HTTP/1.1\r\nhost: {}\r\n{more}content-type: {media_type}\r\ncontent-length: ",
                self.base, self.authority
            )
            .into_bytes(),
        )
    }
}

/// The head of a POST request up to the value of `Content-Length`.
pub struct PostHead(Vec<u8>);

impl PostHead {
    /// Appends the whole request with this body.
    pub fn append(&self, body: &str, request: &mut Vec<u8>) {
        self.append_octets(body.as_bytes(), request);
    }

    /// The same with a body that is no text.
    pub fn append_octets(&self, body: &[u8], request: &mut Vec<u8>) {
        request.extend_from_slice(&self.0);
        request.extend_from_slice(body.len().to_string().as_bytes());
        request.extend_from_slice(b"\r\n\r\n");
        request.extend_from_slice(body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_host_port_and_base() {
        let target = Target::parse("http://127.0.0.1:8080/tenant/", "cmt_x").unwrap();
        assert_eq!(target.authority(), "127.0.0.1:8080");
        let mut request = Vec::new();
        target.append_get("/v1/version", &mut request);
        assert_eq!(
            String::from_utf8(request).unwrap(),
            "GET /tenant/v1/version HTTP/1.1\r\nhost: 127.0.0.1:8080\r\naccept: application/json\r\n\
             authorization: Bearer cmt_x\r\n\r\n"
        );
    }

    #[test]
    fn the_port_is_80_when_none_is_given() {
        let authority = |url| Target::parse(url, "t").unwrap().authority().to_owned();
        assert_eq!(authority("http://localhost"), "localhost:80");
        assert_eq!(authority("http://[::1]/"), "[::1]:80");
        assert_eq!(authority("http://[::1]:8080"), "[::1]:8080");
    }

    #[test]
    fn refuses_tls_and_says_what_to_do() {
        let refusal = Target::parse("https://localhost:8443", "t").err().unwrap();
        assert!(refusal.to_string().contains("--plain-http"), "{refusal}");
    }

    #[test]
    fn refuses_what_a_header_cannot_hold() {
        for (url, token) in [
            ("localhost:8080", "t"),
            ("http://", "t"),
            ("http:///path", "t"),
            ("http://host:port", "t"),
            ("http://host:99999", "t"),
            ("http://me@host", "t"),
            ("http://host/?a=b", "t"),
            ("http://host/a\r\nb", "t"),
            ("http://host", ""),
            ("http://host", "a\r\nb"),
        ] {
            assert!(Target::parse(url, token).is_err(), "{url:?} {token:?}");
        }
    }
}
