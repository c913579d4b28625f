//! CAs that are not ours, run by `openssl ca`: any dates, any extensions, a register, CRLs and OCSP responses.

use tests::authority::P256;
use tests::openssl::Judge;

/// Extensions of a CA below another.
pub(crate) const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n\
                             subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";
const ROOT: &str =
    "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n";

/// Extensions of a server's certificate for `host`, and more.
pub(crate) fn server(host: &str, more: &str) -> String {
    format!(
        "basicConstraints=critical,CA:FALSE\nauthorityKeyIdentifier=keyid\nsubjectAltName=DNS:{host}\n{more}\n"
    )
}

/// A folder with keys `{name}.key`, requests `{name}.csr` and certificates `{name}.pem`.
pub(crate) struct Workshop {
    judge: Judge,
}

impl Workshop {
    pub(crate) fn new() -> Self {
        Self { judge: Judge::new() }
    }

    /// The folder, for what is not here.
    pub(crate) fn judge(&self) -> &Judge {
        &self.judge
    }

    /// A root of this name, valid from 2015 to 2040.
    pub(crate) fn root(&self, name: &str) -> String {
        self.root_as(name, name, "")
    }

    /// The same with any common name, and more extensions.
    pub(crate) fn root_as(&self, name: &str, common_name: &str, more: &str) -> String {
        self.request(name, common_name);
        self.register(name);
        self.judge.write("extensions", format!("{ROOT}{more}\n"));
        self.sign(&format!("-selfsign -keyfile {name}.key"), name, (name, name), LONG)
    }

    /// A CA below `issuer`, valid from 2015 to 2040.
    pub(crate) fn ca(&self, issuer: &str, name: &str, more: &str) -> String {
        self.request(name, name);
        self.register(name);
        self.again(issuer, (name, name), LONG, &format!("{CA}{more}\n"))
    }

    /// A certificate below `issuer` for a new key, valid from 2015 to 2040.
    pub(crate) fn leaf(&self, issuer: &str, name: &str, extensions: &str) -> String {
        self.dated(issuer, name, LONG, extensions)
    }

    /// The same between two instants (`YYYYMMDDHHMMSSZ`).
    pub(crate) fn dated(&self, issuer: &str, name: &str, dates: (&str, &str), extensions: &str) -> String {
        self.request(name, name);
        self.again(issuer, (name, name), dates, extensions)
    }

    /// Another certificate, `{out}.pem`, for the key and subject of `name`.
    pub(crate) fn again(
        &self,
        issuer: &str,
        (name, out): (&str, &str),
        dates: (&str, &str),
        extensions: &str,
    ) -> String {
        self.judge.write("extensions", extensions);
        self.sign(&format!("-cert {issuer}.pem -keyfile {issuer}.key"), issuer, (name, out), dates)
    }

    /// Notes `name` as revoked in the register of `issuer`.
    pub(crate) fn revoke(&self, issuer: &str, name: &str) {
        self.judge.run(&format!(
            "ca -config {issuer}.cnf -cert {issuer}.pem -keyfile {issuer}.key -revoke {name}.pem -crl_reason keyCompromise"
        ));
    }

    /// Notes `name` as suspended in the register of `issuer`.
    pub(crate) fn hold(&self, issuer: &str, name: &str) {
        self.judge.run(&format!(
            "ca -config {issuer}.cnf -cert {issuer}.pem -keyfile {issuer}.key -revoke {name}.pem -crl_reason certificateHold"
        ));
    }

    /// A CRL of what the register of `issuer` says, for a week.
    pub(crate) fn crl(&self, issuer: &str) -> String {
        self.crl_dated(issuer, "-crldays 7")
    }

    /// The same with other dates, as options of `openssl ca`.
    pub(crate) fn crl_dated(&self, issuer: &str, dates: &str) -> String {
        self.judge.run(&format!(
            "ca -config {issuer}.cnf -cert {issuer}.pem -keyfile {issuer}.key -gencrl {dates} -out made.crl"
        ));
        self.judge.read("made.crl")
    }

    /// Answers an OCSP request out of the register of `issuer`, signed by `signer`.
    pub(crate) fn ocsp(&self, issuer: &str, signer: &str, request: &[u8]) -> Vec<u8> {
        self.judge.write("request.der", request);
        self.judge.run(&format!(
            "ocsp -index {issuer}.index -CA {issuer}.pem -rsigner {signer}.pem -rkey {signer}.key -ndays 1 \
             -reqin request.der -respout response.der"
        ));
        std::fs::read(self.judge.path().join("response.der")).unwrap()
    }

    /// A new key and a request for it with the subject `/O=Theirs/CN={common_name}`.
    pub(crate) fn request(&self, name: &str, common_name: &str) {
        self.judge.run(&format!(
            "req -new {P256} -nodes -subj /O=Theirs/CN={common_name} -keyout {name}.key -out {name}.csr"
        ));
    }

    /// An empty register for a CA.
    pub(crate) fn register(&self, name: &str) {
        self.judge.write(
            &format!("{name}.cnf"),
            format!(
                "[ca]\ndefault_ca=own\n[own]\ndatabase={name}.index\nnew_certs_dir=.\ndefault_md=sha256\n\
                 crlnumber={name}.number\npolicy=any\nunique_subject=no\nrand_serial=yes\ncrl_extensions=crl\n\
                 [any]\norganizationName=supplied\ncommonName=supplied\n[crl]\nauthorityKeyIdentifier=keyid\n"
            ),
        );
        self.judge.write(&format!("{name}.index"), "");
        self.judge.write(&format!("{name}.number"), "01\n");
    }

    fn sign(&self, how: &str, issuer: &str, (name, out): (&str, &str), (from, to): (&str, &str)) -> String {
        self.judge.run(&format!(
            "ca -config {issuer}.cnf {how} -batch -notext -in {name}.csr -out {out}.pem -startdate {from} -enddate {to} \
             -extfile extensions"
        ));
        self.judge.read(&format!("{out}.pem"))
    }
}

/// From 2015 to 2040.
pub(crate) const LONG: (&str, &str) = ("20150101000000Z", "20400101000000Z");
