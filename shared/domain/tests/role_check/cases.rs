//! The table: role, request, expected. One line per case.

use crate::build::{
    Case, ED25519, P256, P384, RSA_2048, RSA_3072, allow, any, cn, domains, example, no_cn, refuse, role,
};

pub fn all() -> Vec<Case> {
    let sections = [
        plain_domains(),
        star_entries(),
        globs(),
        wildcards(),
        localhost(),
        syntax(),
        international(),
        common_names(),
        ip_addresses(),
        emails(),
        uris(),
        other_names(),
        mixed(),
        generated_keys(),
        csr_keys(),
        validity(),
    ];
    sections.into_iter().flatten().collect()
}

#[rustfmt::skip]
fn plain_domains() -> Vec<Case> {
    vec![
        refuse("an entry alone permits nothing", example(), cn("example.com"), "allowed_domains", "example.com"),
        refuse("an entry alone permits nothing below", example(), cn("a.example.com"), "allowed_domains", "a.example.com"),
        refuse("no entry at all", role(), cn("example.com"), "allowed_domains", "example.com"),
        allow("bare: the entry itself", example().bare(), cn("example.com"), "dns:example.com"),
        refuse("bare: nothing below", example().bare(), cn("a.example.com"), "allowed_domains", "a.example.com"),
        refuse("bare: not its wildcard", example().bare(), cn("*.example.com"), "allowed_domains", "*.example.com"),
        allow("subdomains: one label", example().sub(), cn("a.example.com"), "dns:a.example.com"),
        allow("subdomains: any depth", example().sub(), cn("c.b.a.example.com"), "dns:c.b.a.example.com"),
        refuse("subdomains: not the entry itself", example().sub(), cn("example.com"), "allowed_domains", "example.com"),
        refuse("subdomains: a name that only ends alike", example().sub(), cn("evilexample.com"), "allowed_domains", "evilexample.com"),
        refuse("subdomains: the entry in front", example().sub(), cn("example.com.evil.org"), "allowed_domains", "example.com.evil.org"),
        refuse("subdomains: the parent", example().sub(), cn("com"), "allowed_domains", "com"),
        allow("both switches: the entry", example().sub().bare(), cn("example.com"), "dns:example.com"),
        allow("both switches: below", example().sub().bare(), cn("x.example.com"), "dns:x.example.com"),
        allow("the second entry counts", domains(&["a.org", "b.org"]).bare(), cn("b.org"), "dns:b.org"),
        refuse("no entry of two", domains(&["a.org", "b.org"]).bare(), cn("c.org"), "allowed_domains", "c.org"),
        allow("case of the request", example().bare(), cn("EXAMPLE.Com"), "dns:example.com"),
        allow("case of the entry", domains(&["Example.COM"]).bare(), cn("example.com"), "dns:example.com"),
        allow("case below an entry (Vault refuses)", domains(&["Example.COM"]).sub(), cn("A.EXAMPLE.com"), "dns:a.example.com"),
        allow("single-label entry", domains(&["intranet"]).bare(), cn("intranet"), "dns:intranet"),
        allow("below a single-label entry", domains(&["corp"]).sub(), cn("web.corp"), "dns:web.corp"),
        allow("any name", any(), cn("whatever.test"), "dns:whatever.test"),
        allow("any name beside entries", any().set(|s| s.allowed_domains = vec!["a.org".into()]), cn("b.org"), "dns:b.org"),
        allow("an address as an entry, bare", domains(&["ops@example.com"]).bare().emails(), cn("ops@example.com"), "email:ops@example.com"),
    ]
}

#[rustfmt::skip]
fn star_entries() -> Vec<Case> {
    let star = || domains(&["*.svc.cluster.local"]);
    vec![
        allow("star entry: below, without switches", star(), cn("web.svc.cluster.local"), "dns:web.svc.cluster.local"),
        allow("star entry: any depth", star(), cn("a.b.svc.cluster.local"), "dns:a.b.svc.cluster.local"),
        allow("star entry: that wildcard", star(), cn("*.svc.cluster.local"), "dns:*.svc.cluster.local"),
        allow("star entry: a wildcard below", star(), cn("*.a.svc.cluster.local"), "dns:*.a.svc.cluster.local"),
        refuse("star entry: wildcards off", star().no_wildcards(), cn("*.svc.cluster.local"), "allow_wildcard_certificates", "*.svc.cluster.local"),
        allow("star entry: below with wildcards off", star().no_wildcards(), cn("a.svc.cluster.local"), "dns:a.svc.cluster.local"),
        refuse("star entry: not its base", star(), cn("svc.cluster.local"), "allowed_domains", "svc.cluster.local"),
        refuse("star entry: not its base, bare", star().bare(), cn("svc.cluster.local"), "allowed_domains", "svc.cluster.local"),
        refuse("star entry: not a name that only ends alike", star(), cn("evilsvc.cluster.local"), "allowed_domains", "evilsvc.cluster.local"),
        allow("star entry: case", domains(&["*.SVC.cluster.local"]), cn("Web.svc.Cluster.local"), "dns:web.svc.cluster.local"),
        allow("star entry: base beside it", domains(&["*.a.org", "a.org"]).bare(), cn("a.org").alt(&["x.a.org"]), "dns:a.org dns:x.a.org"),
        refuse("two stars are no star entry", domains(&["*.*.a.org"]), cn("x.y.a.org"), "allowed_domains", "x.y.a.org"),
        refuse("a partial star is no star entry", domains(&["f*.a.org"]), cn("foo.a.org"), "allowed_domains", "foo.a.org"),
    ]
}

#[rustfmt::skip]
fn globs() -> Vec<Case> {
    vec![
        refuse("a glob entry with globs off", domains(&["foo*.a.org"]), cn("foo1.a.org"), "allowed_domains", "foo1.a.org"),
        allow("a glob entry", domains(&["foo*.a.org"]).glob(), cn("foo1.a.org"), "dns:foo1.a.org"),
        allow("a star may be empty", domains(&["foo*.a.org"]).glob(), cn("foo.a.org"), "dns:foo.a.org"),
        allow("a star crosses dots", domains(&["foo*.a.org"]).glob(), cn("foo.x.y.a.org"), "dns:foo.x.y.a.org"),
        refuse("a glob is anchored at its start", domains(&["foo*.a.org"]).glob(), cn("xfoo.a.org"), "allowed_domains", "xfoo.a.org"),
        refuse("a glob is anchored at its end", domains(&["foo*.a.org"]).glob(), cn("foo.a.org.evil.net"), "allowed_domains", "foo.a.org.evil.net"),
        allow("a star in the middle", domains(&["db.*.a.org"]).glob(), cn("db.eu.west.a.org"), "dns:db.eu.west.a.org"),
        allow("several stars", domains(&["*-db.*.a.org"]).glob(), cn("x-db.eu.a.org"), "dns:x-db.eu.a.org"),
        allow("a lone star", domains(&["*"]).glob(), cn("whatever.test"), "dns:whatever.test"),
        refuse("a lone star with globs off", domains(&["*"]).sub().bare(), cn("whatever.test"), "allowed_domains", "whatever.test"),
        allow("a glob matches a wildcard", domains(&["*.a.org"]).glob(), cn("*.a.org"), "dns:*.a.org"),
        allow("a glob matches a deeper wildcard", domains(&["f*.a.org"]).glob().partial(), cn("foo*.a.org"), "dns:foo*.a.org"),
        refuse("a glob opens no wildcard that is off", domains(&["f*.a.org"]).glob().no_wildcards(), cn("f*.a.org"), "allow_wildcard_certificates", "f*.a.org"),
        refuse("globs and subdomains are not combined", domains(&["foo.*.a.org"]).glob().sub(), cn("bar.foo.baz.a.org"), "allowed_domains", "bar.foo.baz.a.org"),
        refuse("globs leave plain entries alone", example().glob(), cn("example.com"), "allowed_domains", "example.com"),
        allow("globs disregard case", domains(&["FOO*.a.org"]).glob(), cn("Foo1.A.org"), "dns:foo1.a.org"),
    ]
}

#[rustfmt::skip]
fn wildcards() -> Vec<Case> {
    vec![
        allow("subdomains include the wildcard", example().sub(), cn("*.example.com"), "dns:*.example.com"),
        allow("subdomains include deeper wildcards", example().sub(), cn("*.a.example.com"), "dns:*.a.example.com"),
        allow("subdomains include partial wildcards", example().sub().partial(), cn("f*.example.com"), "dns:f*.example.com"),
        allow("a star at a label's start", example().sub().partial(), cn("*f.example.com"), "dns:*f.example.com"),
        allow("a star within a label", example().sub().partial(), cn("a*f.example.com"), "dns:a*f.example.com"),
        refuse("a partial wildcard that is not asked for", example().sub(), cn("f*.example.com"), "allow_partial_wildcards", "f*.example.com"),
        refuse("not even for any name", any(), cn("*f.example.com"), "allow_partial_wildcards", "*f.example.com"),
        refuse("nor by its own entry", domains(&["f*.a.org"]).bare().glob(), cn("f*.a.org"), "allow_partial_wildcards", "f*.a.org"),
        refuse("wildcards off", example().sub().no_wildcards(), cn("*.example.com"), "allow_wildcard_certificates", "*.example.com"),
        refuse("wildcards off, partial", example().sub().no_wildcards(), cn("f*.example.com"), "allow_wildcard_certificates", "f*.example.com"),
        refuse("wildcards off, even for any name", any().no_wildcards(), cn("*.example.com"), "allow_wildcard_certificates", "*.example.com"),
        refuse("wildcards off, in alt_names", any().no_wildcards(), cn("a.org").alt(&["*.a.org"]), "allow_wildcard_certificates", "*.a.org"),
        allow("any name includes wildcards", any(), cn("*.example.com"), "dns:*.example.com"),
        allow("a literal wildcard entry, bare", domains(&["*.example.com"]).bare(), cn("*.example.com"), "dns:*.example.com"),
        allow("a literal partial wildcard entry, bare", domains(&["f*.a.org"]).bare().partial(), cn("f*.a.org"), "dns:f*.a.org"),
        refuse("a wildcard of another domain", example().sub(), cn("*.evil.com"), "allowed_domains", "*.evil.com"),
        refuse("a wildcard over the entry's parent", domains(&["a.example.com"]).sub(), cn("*.example.com"), "allowed_domains", "*.example.com"),
        refuse("a lone star", any(), cn("*"), "syntax", "*"),
        refuse("a star and a dot", any(), cn("*."), "syntax", "*."),
        refuse("two stars", any(), cn("*.*.example.com"), "syntax", "*.*.example.com"),
        refuse("two stars in a label", any(), cn("**.example.com"), "syntax", "**.example.com"),
        refuse("a star in the second label", any(), cn("a.*.example.com"), "syntax", "a.*.example.com"),
        refuse("a star at the end", any(), cn("example.*"), "syntax", "example.*"),
    ]
}

#[rustfmt::skip]
fn localhost() -> Vec<Case> {
    vec![
        allow("localhost", role(), cn("localhost"), "dns:localhost"),
        allow("localdomain", role(), cn("localdomain"), "dns:localdomain"),
        allow("LOCALHOST", role(), cn("LOCALHOST"), "dns:localhost"),
        refuse("localhost off", role().no_localhost(), cn("localhost"), "allowed_domains", "localhost"),
        refuse("localdomain off", role().no_localhost(), cn("localdomain"), "allowed_domains", "localdomain"),
        allow("localhost off but an entry", domains(&["localhost"]).bare().no_localhost(), cn("localhost"), "dns:localhost"),
        refuse("below localhost without subdomains", role(), cn("a.localhost"), "allowed_domains", "a.localhost"),
        allow("below localhost with subdomains", role().sub(), cn("a.localhost"), "dns:a.localhost"),
        allow("below localdomain with subdomains", role().sub(), cn("a.b.localdomain"), "dns:a.b.localdomain"),
        refuse("*.localhost without subdomains", role(), cn("*.localhost"), "allowed_domains", "*.localhost"),
        allow("*.localhost with subdomains", role().sub(), cn("*.localhost"), "dns:*.localhost"),
        allow("*.localdomain with subdomains", role().sub(), cn("*.localdomain"), "dns:*.localdomain"),
        refuse("*.localhost, wildcards off", role().sub().no_wildcards(), cn("*.localhost"), "allow_wildcard_certificates", "*.localhost"),
        refuse("localhost.localdomain without subdomains", role(), cn("localhost.localdomain"), "allowed_domains", "localhost.localdomain"),
        allow("localhost.localdomain with subdomains", role().sub(), cn("localhost.localdomain"), "dns:localhost.localdomain"),
        refuse("a name that only ends alike", role().sub(), cn("notlocalhost"), "allowed_domains", "notlocalhost"),
        allow("an e-mail address there", role().emails(), cn("root@localhost"), "email:root@localhost"),
        refuse("an e-mail address there, localhost off", role().emails().no_localhost(), cn("root@localhost"), "allowed_domains", "root@localhost"),
    ]
}

#[rustfmt::skip]
fn syntax() -> Vec<Case> {
    vec![
        refuse("a space", any(), cn("exa mple.com"), "syntax", "exa mple.com"),
        refuse("a leading space", any(), cn(" example.com"), "syntax", " example.com"),
        refuse("words", any(), cn("My Service"), "syntax", "My Service"),
        refuse("NUL, shown escaped", any(), cn("example.com\0.evil.org"), "syntax", "example.com\\u{0}.evil.org"),
        refuse("a line break, shown escaped", any(), cn("example.com\n"), "syntax", "example.com\\n"),
        refuse("an underscore", any(), cn("a_b.example.com"), "syntax", "a_b.example.com"),
        refuse("a leading hyphen", any(), cn("-a.example.com"), "syntax", "-a.example.com"),
        refuse("a trailing hyphen", any(), cn("a-.example.com"), "syntax", "a-.example.com"),
        refuse("an empty label", any(), cn("a..example.com"), "syntax", "a..example.com"),
        refuse("a leading dot", any(), cn(".example.com"), "syntax", ".example.com"),
        refuse("a dot", any(), cn("."), "syntax", "."),
        allow("a trailing dot is dropped", any(), cn("example.com."), "dns:example.com"),
        refuse("two trailing dots", any(), cn("example.com.."), "syntax", "example.com.."),
        refuse("a port", any(), cn("example.com:443"), "syntax", "example.com:443"),
        refuse("a URL", any(), cn("https://example.com"), "syntax", "https://example.com"),
        refuse("a slash", any(), cn("10.0.0.0/8"), "syntax", "10.0.0.0/8"),
        allow("a label of 63", any(), cn("a.org").alts(vec![label(63)]), &format!("dns:a.org dns:{}", label(63))),
        refuse("a label of 64", any(), cn("a.org").alts(vec![label(64)]), "syntax", &label(64)),
        allow("a name of 253", any(), cn("a.org").alts(vec![long_name(253)]), &format!("dns:a.org dns:{}", long_name(253))),
        refuse("a name of 254", any(), cn("a.org").alts(vec![long_name(254)]), "syntax", &long_name(254)),
        refuse("an empty alternative name", any(), cn("a.org").alt(&[""]), "syntax", ""),
        refuse("no name is dropped (Vault drops)", any(), cn("a.org").alt(&["not a name", "b.org"]), "syntax", "not a name"),
        refuse("a bad name under a role without domains", role(), cn("exa mple.com"), "syntax", "exa mple.com"),
        refuse("an address of five numbers", any(), cn("a.org").alt(&["10.0.0.256"]), "syntax", "10.0.0.256"),
    ]
}

fn label(length: usize) -> String {
    "x".repeat(length)
}

/// A name of exactly `length` octets, in labels of at most 49.
fn long_name(length: usize) -> String {
    let name = format!("{}.", "x".repeat(49)).repeat(5);
    let rest = length - name.len();
    format!("{name}{}", "y".repeat(rest))
}

#[rustfmt::skip]
fn international() -> Vec<Case> {
    vec![
        allow("Unicode becomes A-labels", domains(&["bücher.example"]).bare(), cn("bücher.example"), "dns:xn--bcher-kva.example"),
        allow("A-labels asked, Unicode allowed", domains(&["bücher.example"]).bare(), cn("xn--bcher-kva.example"), "dns:xn--bcher-kva.example"),
        allow("Unicode asked, A-labels allowed", domains(&["xn--bcher-kva.example"]).sub(), cn("www.BÜCHER.example"), "dns:www.xn--bcher-kva.example"),
        refuse("another letter is another name", domains(&["bücher.example"]).bare(), cn("bucher.example"), "allowed_domains", "bucher.example"),
        refuse("a Cyrillic look-alike", example().bare(), cn("ex\u{430}mple.com"), "allowed_domains", "ex\u{430}mple.com"),
        allow("full-width letters fold", example().bare(), cn("ｅxample.com"), "dns:example.com"),
        allow("an ideographic full stop separates", example().bare(), cn("example。com"), "dns:example.com"),
        allow("a wildcard over Unicode", domains(&["*.bücher.example"]), cn("*.bücher.example"), "dns:*.xn--bcher-kva.example"),
        refuse("an emoji", example(), cn("💩.example.com"), "syntax", "💩.example.com"),
        refuse("a broken A-label", any(), cn("xn--\u{fc}.example.com"), "syntax", "xn--\u{fc}.example.com"),
        refuse("a zero-width space alone", any(), cn("\u{200b}"), "syntax", "\u{200b}"),
        refuse("a lone combining mark", any(), cn("\u{301}a.example.com"), "syntax", "\u{301}a.example.com"),
    ]
}

#[rustfmt::skip]
fn common_names() -> Vec<Case> {
    let sixty_four = format!("{}.example.com", "x".repeat(52));
    let sixty_five = format!("{}.example.com", "x".repeat(53));
    vec![
        refuse("no common name", example().sub(), no_cn().alt(&["a.example.com"]), "require_cn", ""),
        refuse("an empty common name counts as none", example().sub(), cn("").alt(&["a.example.com"]), "require_cn", ""),
        allow("no common name, not required", example().sub().cn_optional(), no_cn().alt(&["a.example.com"]), "dns:a.example.com"),
        allow("an empty common name, not required", example().sub().cn_optional(), cn("").alt(&["a.example.com"]), "dns:a.example.com"),
        refuse("no name at all", any().cn_optional(), no_cn(), "syntax", ""),
        allow("an address alone", any().cn_optional(), no_cn().ip(&["192.0.2.1"]), "ip:192.0.2.1"),
        allow("64 characters", example().sub(), cn(&sixty_four), &format!("dns:{sixty_four}")),
        refuse("65 characters", example().sub(), cn(&sixty_five), "syntax", &sixty_five),
        allow("65 characters as alternative name", example().sub(), cn("a.example.com").alt(&[&sixty_five]), &format!("dns:a.example.com dns:{sixty_five}")),
        refuse("over 64 only as A-labels", any(), cn(&format!("{}.example.com", "ü".repeat(50))), "syntax", &format!("{}.example.com", "ü".repeat(50))),
        refuse("an IPv4 address", any(), cn("192.0.2.1"), "syntax", "192.0.2.1"),
        refuse("an IPv6 address", any(), cn("2001:db8::1"), "syntax", "2001:db8::1"),
        refuse("an address in brackets", any(), cn("[::1]"), "syntax", "[::1]"),
        allow("it comes first", any(), cn("z.org").alt(&["a.org"]), "dns:z.org dns:a.org"),
        allow("twice the same", any(), cn("a.org").alt(&["a.org", "A.ORG", "a.org."]), "dns:a.org"),
        allow("first position is kept", any(), cn("b.org").alt(&["a.org", "b.org", "c.org", "a.org"]), "dns:b.org dns:a.org dns:c.org"),
    ]
}

#[rustfmt::skip]
fn ip_addresses() -> Vec<Case> {
    let net = || role().cidr(&["10.0.0.0/8", "2001:db8::/32"]);
    let web = || cn("localhost");
    vec![
        allow("an IPv4 address", role(), web().ip(&["192.0.2.1"]), "dns:localhost ip:192.0.2.1"),
        allow("an IPv6 address", role(), web().ip(&["2001:DB8:0::1"]), "dns:localhost ip:2001:db8::1"),
        allow("an address among the names", role(), web().alt(&["192.0.2.1", "::1"]), "dns:localhost ip:192.0.2.1 ip:::1"),
        allow("twice the same", role(), web().alt(&["::1"]).ip(&["0:0::1"]), "dns:localhost ip:::1"),
        refuse("addresses off", role().no_ip(), web().ip(&["192.0.2.1"]), "allow_ip_sans", "192.0.2.1"),
        refuse("addresses off, among the names", role().no_ip(), web().alt(&["192.0.2.1"]), "allow_ip_sans", "192.0.2.1"),
        refuse("addresses off for any name", any().no_ip(), web().ip(&["::1"]), "allow_ip_sans", "::1"),
        allow("first address of a network", net(), web().ip(&["10.0.0.0"]), "dns:localhost ip:10.0.0.0"),
        allow("last address of a network", net(), web().ip(&["10.255.255.255"]), "dns:localhost ip:10.255.255.255"),
        refuse("one below a network", net(), web().ip(&["9.255.255.255"]), "allowed_ip_sans_cidr", "9.255.255.255"),
        refuse("one above a network", net(), web().ip(&["11.0.0.0"]), "allowed_ip_sans_cidr", "11.0.0.0"),
        refuse("a network counts among the names", net(), web().alt(&["11.0.0.0"]), "allowed_ip_sans_cidr", "11.0.0.0"),
        allow("the IPv6 network", net(), web().ip(&["2001:db8:ffff::1"]), "dns:localhost ip:2001:db8:ffff::1"),
        refuse("outside the IPv6 network", net(), web().ip(&["2001:db9::1"]), "allowed_ip_sans_cidr", "2001:db9::1"),
        allow("IPv4-mapped, inside", net(), web().ip(&["::ffff:10.1.2.3"]), "dns:localhost ip:10.1.2.3"),
        refuse("IPv4-mapped, outside", net(), web().ip(&["::ffff:11.1.2.3"]), "allowed_ip_sans_cidr", "::ffff:11.1.2.3"),
        refuse("IPv4-mapped does not count as IPv6", role().cidr(&["::/0"]), web().ip(&["::ffff:10.1.2.3"]), "allowed_ip_sans_cidr", "::ffff:10.1.2.3"),
        refuse("only IPv4 networks", role().cidr(&["0.0.0.0/0"]), web().ip(&["::1"]), "allowed_ip_sans_cidr", "::1"),
        allow("a network of one", role().cidr(&["192.0.2.7/32"]), web().ip(&["192.0.2.7"]), "dns:localhost ip:192.0.2.7"),
        refuse("beside a network of one", role().cidr(&["192.0.2.7/32"]), web().ip(&["192.0.2.8"]), "allowed_ip_sans_cidr", "192.0.2.8"),
        refuse("a host name in ip_sans", any(), web().ip(&["a.org"]), "syntax", "a.org"),
        refuse("a network in ip_sans", any(), web().ip(&["10.0.0.0/8"]), "syntax", "10.0.0.0/8"),
        refuse("an IPv6 zone", any(), web().ip(&["fe80::1%eth0"]), "syntax", "fe80::1%eth0"),
        refuse("leading zeros", any(), web().ip(&["010.0.0.1"]), "syntax", "010.0.0.1"),
    ]
}

#[rustfmt::skip]
fn emails() -> Vec<Case> {
    let mail = || example().emails();
    vec![
        refuse("off", any(), cn("a.org").email(&["me@a.org"]), "allow_email_sans", "me@a.org"),
        refuse("off, among the names", any(), cn("a.org").alt(&["me@a.org"]), "allow_email_sans", "me@a.org"),
        refuse("off, as common name", any(), cn("me@a.org"), "allow_email_sans", "me@a.org"),
        allow("any name", any().emails(), cn("a.org").email(&["me@b.org"]), "dns:a.org email:me@b.org"),
        allow("bare: its host is the entry", mail().bare(), cn("me@example.com"), "email:me@example.com"),
        refuse("bare: its host is below", mail().bare(), cn("me@a.example.com"), "allowed_domains", "me@a.example.com"),
        allow("subdomains: its host is below", mail().sub(), cn("me@a.example.com"), "email:me@a.example.com"),
        refuse("subdomains: its host is the entry", mail().sub(), cn("me@example.com"), "allowed_domains", "me@example.com"),
        refuse("the entry in the local part", mail().sub().bare(), cn("example.com@evil.org"), "allowed_domains", "example.com@evil.org"),
        allow("glob over hosts", domains(&["mail*.a.org"]).glob().emails(), cn("me@mail1.a.org"), "email:me@mail1.a.org"),
        refuse("a glob over hosts does not see the local part", domains(&["me*.a.org"]).glob().emails(), cn("me@b.a.org"), "allowed_domains", "me@b.a.org"),
        allow("glob over addresses", domains(&["*@a.org"]).glob().emails(), cn("me@a.org"), "email:me@a.org"),
        refuse("a glob over addresses permits no host", domains(&["*@a.org"]).glob().emails(), cn("a.org"), "allowed_domains", "a.org"),
        allow("star entry", domains(&["*.a.org"]).emails(), cn("me@mx.a.org"), "email:me@mx.a.org"),
        refuse("a wildcard host", any().emails(), cn("me@*.a.org"), "syntax", "me@*.a.org"),
        refuse("no local part", any().emails(), cn("@a.org"), "syntax", "@a.org"),
        refuse("no host", any().emails(), cn("me@"), "syntax", "me@"),
        refuse("two at signs", any().emails(), cn("me@b@a.org"), "syntax", "me@b@a.org"),
        refuse("a host name in email_sans", any().emails(), cn("a.org").email(&["a.org"]), "syntax", "a.org"),
        allow("the host's case is lost", mail().bare(), cn("me@EXAMPLE.com"), "email:me@example.com"),
    ]
}

#[rustfmt::skip]
fn uris() -> Vec<Case> {
    let web = || cn("localhost");
    let spiffe = || role().uris(&["spiffe://example.com/ns/*"]);
    vec![
        refuse("no entry permits none", role(), web().uri(&["https://a.org/"]), "allowed_uri_sans", "https://a.org/"),
        refuse("not even for any name", any(), web().uri(&["https://a.org/"]), "allowed_uri_sans", "https://a.org/"),
        allow("the entry itself", role().uris(&["urn:a:b"]), web().uri(&["urn:a:b"]), "dns:localhost uri:urn:a:b"),
        allow("a star", role().uris(&["*"]), web().uri(&["https://a.org/x?y#z"]), "dns:localhost uri:https://a.org/x?y#z"),
        allow("a glob", spiffe(), web().uri(&["spiffe://example.com/ns/a/sa/b"]), "dns:localhost uri:spiffe://example.com/ns/a/sa/b"),
        refuse("a glob is anchored", spiffe(), web().uri(&["xspiffe://example.com/ns/a"]), "allowed_uri_sans", "xspiffe://example.com/ns/a"),
        refuse("another trust domain", spiffe(), web().uri(&["spiffe://example.com.evil.org/ns/a"]), "allowed_uri_sans", "spiffe://example.com.evil.org/ns/a"),
        allow("case of scheme and host", role().uris(&["Spiffe://Example.com/a"]), web().uri(&["spiffe://EXAMPLE.com/a"]), "dns:localhost uri:spiffe://EXAMPLE.com/a"),
        refuse("case of a path", spiffe(), web().uri(&["spiffe://example.com/NS/a"]), "allowed_uri_sans", "spiffe://example.com/NS/a"),
        refuse("dot segments", spiffe(), web().uri(&["spiffe://example.com/ns/../../admin"]), "syntax", "spiffe://example.com/ns/../../admin"),
        refuse("encoded dot segments", spiffe(), web().uri(&["spiffe://example.com/ns/%2e%2e/x"]), "syntax", "spiffe://example.com/ns/%2e%2e/x"),
        refuse("dot segments of the web", role().uris(&["https://a.org/b/*"]), web().uri(&["https://a.org/b/../c"]), "syntax", "https://a.org/b/../c"),
        refuse("no SPIFFE id", spiffe(), web().uri(&["spiffe://example.com/ns/"]), "syntax", "spiffe://example.com/ns/"),
        refuse("no scheme", role().uris(&["*"]), web().uri(&["//a.org/x"]), "syntax", "//a.org/x"),
        refuse("a space", role().uris(&["*"]), web().uri(&["https://a.org/a b"]), "syntax", "https://a.org/a b"),
        refuse("beyond ASCII", role().uris(&["*"]), web().uri(&["https://bücher.example/"]), "syntax", "https://bücher.example/"),
        refuse("an empty one", role().uris(&["*"]), web().uri(&[""]), "syntax", ""),
    ]
}

#[rustfmt::skip]
fn other_names() -> Vec<Case> {
    const ANN: &str = "1.3.6.1.4.1.311.20.2.3;UTF8:ann@corp.example";
    let web = || cn("localhost");
    let corp = || role().others(&["1.3.6.1.4.1.311.20.2.3;UTF8:*@corp.example"]);
    let ok = "dns:localhost other:1.3.6.1.4.1.311.20.2.3;UTF8:ann@corp.example";
    vec![
        refuse("no entry permits none", role(), web().other(&[ANN]), "allowed_other_sans", ANN),
        refuse("not even for any name", any(), web().other(&[ANN]), "allowed_other_sans", ANN),
        allow("the entry itself", role().others(&[ANN]), web().other(&[ANN]), ok),
        allow("a glob", corp(), web().other(&[ANN]), ok),
        allow("a star", role().others(&["*"]), web().other(&[ANN]), ok),
        allow("once", corp(), web().other(&[ANN, ANN]), ok),
        allow("another spelling of the encoding", corp(), web().other(&["1.3.6.1.4.1.311.20.2.3;utf-8:ann@corp.example"]), ok),
        refuse("another host", corp(), web().other(&["1.3.6.1.4.1.311.20.2.3;UTF8:ann@corp.example.org"]), "allowed_other_sans", "1.3.6.1.4.1.311.20.2.3;UTF8:ann@corp.example.org"),
        refuse("another type", corp(), web().other(&["1.2.3;UTF8:ann@corp.example"]), "allowed_other_sans", "1.2.3;UTF8:ann@corp.example"),
        refuse("another case", corp(), web().other(&["1.3.6.1.4.1.311.20.2.3;UTF8:ann@CORP.example"]), "allowed_other_sans", "1.3.6.1.4.1.311.20.2.3;UTF8:ann@CORP.example"),
        refuse("no type", role().others(&["*"]), web().other(&["ann@corp.example"]), "syntax", "ann@corp.example"),
        refuse("no text", role().others(&["*"]), web().other(&["1.3.6.1.5.5.7.8.7;UTF8:_x.example.com"]), "syntax", "1.3.6.1.5.5.7.8.7;UTF8:_x.example.com"),
        refuse("what is not seen", role().others(&["*"]), web().other(&["1.2.3;UTF8:\u{202e}nna"]), "syntax", "1.2.3;UTF8:\u{202e}nna"),
        refuse("another spelling of the type", role().others(&["*"]), web().other(&["1.2.03;UTF8:a"]), "syntax", "1.2.03;UTF8:a"),
        allow("alone", role().others(&["*"]).cn_optional(), no_cn().other(&["1.2.3;UTF8:x"]), "other:1.2.3;UTF8:x"),
    ]
}

#[rustfmt::skip]
fn mixed() -> Vec<Case> {
    let names = |count: usize| (0..count).map(|n| format!("n{n}.org")).collect::<Vec<_>>();
    let thousand = names(1_000).iter().map(|name| format!("dns:{name}")).collect::<Vec<_>>().join(" ");
    // Each has 1,024 octets.
    let texts: Vec<_> = (0..32).map(|n| format!("1.2.3;UTF8:{n:0>1013}")).collect();
    let kibibytes = || cn("a.org").other(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let all_texts = texts.iter().fold("dns:a.org".to_owned(), |all, text| format!("{all} other:{text}"));
    let sorted = any().emails().uris(&["urn:*"]);
    vec![
        allow("every kind, in order of kinds", sorted, cn("a.org").alt(&["me@a.org", "::1", "b.org"]).uri(&["urn:x:y"]).email(&["u@a.org"]).ip(&["192.0.2.1"]),
            "dns:a.org dns:b.org ip:::1 ip:192.0.2.1 email:me@a.org email:u@a.org uri:urn:x:y"),
        refuse("the first name that is refused", example().sub(), cn("a.example.com").alt(&["b.example.com", "c.org", "d.org"]), "allowed_domains", "c.org"),
        refuse("the common name goes first", example().sub(), cn("c.org").alt(&["d.org"]), "allowed_domains", "c.org"),
        allow("a thousand names", any(), cn("n0.org").alts(names(1_000)), &thousand),
        refuse("a thousand and one", any(), cn("n0.org").alts(names(1_001)), "syntax", "1001 names"),
        allow("32 KiB of names", any().others(&["*"]), kibibytes(), &all_texts),
        refuse("more", any().others(&["*"]), kibibytes().alt(&["b"]), "syntax", "32769 octets of names"),
        refuse("a thousand beside the common name", any(), cn("other.org").alts(names(1_000)), "syntax", "1001 names"),
    ]
}

#[rustfmt::skip]
fn generated_keys() -> Vec<Case> {
    let web = || cn("localhost");
    let ok = "dns:localhost";
    vec![
        allow("the role's key", role(), web(), ok),
        allow("the role's type, named", role(), web().key_type("rsa"), ok),
        allow("the role's type and bits, named", role(), web().key("rsa", 2048), ok),
        allow("bits 0 are the default", role(), web().key("rsa", 0), ok),
        refuse("more bits than the role's", role(), web().bits(4096), "key_bits", "4096"),
        refuse("fewer bits than the role's", role().key("rsa", 3072), web().key("rsa", 2048), "key_bits", "2048"),
        refuse("another type", role(), web().key_type("ec"), "key_type", "ec"),
        refuse("another type that any would take", role().key("ec", 0), web().key("ed25519", 256), "key_type", "ed25519"),
        refuse("any of a role with a type", role(), web().key_type("any"), "key_type", "any"),
        refuse("a role for any key needs a type", role().key("any", 0), web(), "key_type", "any"),
        allow("a role for any key, rsa", role().key("any", 0), web().key("rsa", 4096), ok),
        allow("a role for any key, ec", role().key("any", 0), web().key_type("ec"), ok),
        allow("a role for any key, ed25519", role().key("any", 0), web().key_type("ed25519"), ok),
        refuse("weak bits under any", role().key("any", 0), web().key("rsa", 1024), "key_bits", "1024"),
        refuse("no such curve under any", role().key("any", 0), web().key("ec", 224), "key_bits", "224"),
        refuse("no use is left for the key", role().key("any", 0).usage(&["KeyEncipherment"]), web().key_type("ec"), "key_usage", "ec"),
        refuse("the key is judged before the names", example(), cn("evil.com").key_type("ec"), "key_type", "ec"),
    ]
}

#[rustfmt::skip]
fn csr_keys() -> Vec<Case> {
    let web = || cn("localhost");
    let ok = "dns:localhost";
    vec![
        allow("rsa as the role says", role(), web().csr(&RSA_2048), ok),
        allow("more bits than the role's", role(), web().csr(&RSA_3072), ok),
        refuse("fewer bits than the role's", role().key("rsa", 3072), web().csr(&RSA_2048), "key_bits", "2048"),
        refuse("ec for rsa", role(), web().csr(&P256), "key_type", "ec"),
        refuse("rsa for ec", role().key("ec", 0), web().csr(&RSA_2048), "key_type", "rsa"),
        allow("ec as the role says", role().key("ec", 0), web().csr(&P256), ok),
        allow("a larger curve", role().key("ec", 256), web().csr(&P384), ok),
        refuse("a smaller curve", role().key("ec", 384), web().csr(&P256), "key_bits", "256"),
        allow("ed25519 as the role says", role().key("ed25519", 0), web().csr(&ED25519), ok),
        refuse("ed25519 for ec", role().key("ec", 0), web().csr(&ED25519), "key_type", "ed25519"),
        allow("any takes rsa", role().key("any", 0), web().csr(&RSA_2048), ok),
        allow("any takes ec", role().key("any", 0), web().csr(&P256), ok),
        allow("any takes ed25519", role().key("any", 0), web().csr(&ED25519), ok),
        refuse("no use is left for the CSR's key", role().key("any", 0).usage(&["KeyAgreement"]), web().csr(&ED25519), "key_usage", "ed25519"),
        refuse("the CIDR list binds CSRs as well", role().cidr(&["10.0.0.0/8"]), web().csr(&RSA_2048).ip(&["11.0.0.1"]), "allowed_ip_sans_cidr", "11.0.0.1"),
    ]
}

#[rustfmt::skip]
fn validity() -> Vec<Case> {
    let web = || cn("localhost");
    let ok = "dns:localhost";
    let day = 86_400;
    let day_max = || role().ttls(None, Some("1d"));
    vec![
        refuse("ttl 0", role(), web().ttl("0"), "syntax", "0"),
        allow("exactly the role's end", role().until(86_400), web().ttl("1d"), ok),
        refuse("a second beyond the role's end", role().until(86_400), web().ttl("86401"), "not_after", "86401"),
        refuse("the role's end is over", role().until(0), web().ttl("1s"), "not_after", "1s"),
        refuse("and nothing more without a ttl", role().until(0), web(), "not_after", "100y"),
        allow("a fixed end may be far off", role().until(9 * 365 * 86_400), web().ttl("1000d"), ok),
        refuse("max_ttl holds beside it", day_max().until(9 * 86_400), web().ttl("2d"), "max_ttl", "2d"),
        refuse("a fixed end beyond the CA's", role().until(2 * 86_400), web().ca(-1, day), "ca_validity", "100y"),
        refuse("ttl 0h", role(), web().ttl("0h"), "syntax", "0h"),
        allow("ttl of a second", role(), web().ttl("1s"), ok),
        allow("exactly max_ttl", day_max(), web().ttl("24h"), ok),
        refuse("a second beyond max_ttl", day_max(), web().ttl("24h1s"), "max_ttl", "24h1s"),
        refuse("no clamp (Vault clamps)", day_max(), web().ttl("90d"), "max_ttl", "90d"),
        allow("exactly the default maximum", role(), web().ttl("768h"), ok),
        refuse("beyond the default maximum", role(), web().ttl("769h"), "max_ttl", "769h"),
        allow("exactly the CA's end", role(), web().ttl("1d").ca(-1, day), ok),
        refuse("a second beyond the CA's end", role(), web().ttl("86401").ca(-1, day), "ca_validity", "86401"),
        refuse("max_ttl goes before the CA's end", day_max(), web().ttl("2d").ca(-1, 60), "max_ttl", "2d"),
        refuse("the default ttl beyond the CA's end", role(), web().ca(-1, day), "ca_validity", "768h"),
        refuse("the role's ttl beyond the CA's end", role().ttls(Some("2d"), None), web().ca(-1, day), "ca_validity", "2d"),
        allow("the role's ttl within", role().ttls(Some("12h"), None), web().ca(-1, day), ok),
        allow("a last second", role(), web().ttl("1s").ca(-day, 1), ok),
        refuse("the CA ends now", role(), web().ttl("1s").ca(-day, 0), "ca_validity", "1s"),
        refuse("the CA has ended", role(), web().ttl("1s").ca(-day, -1), "ca_validity", "1s"),
        refuse("the CA has not begun", role(), web().ttl("1s").ca(1, day), "ca_validity", "1s"),
        allow("the CA begins now", role(), web().ttl("1s").ca(0, day), ok),
    ]
}
