//! A CA that is not ours: made by the `openssl` command, with whatever subject, serial number and extensions a test
//! wants.

use crate::openssl::Judge;

/// The key of everything that is made here; it takes next to no time.
pub const P256: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256";

/// A CA, and the certificates above it.
pub struct Authority {
    judge: Judge,
    /// Its certificate in PEM.
    pub certificate: String,
    /// The certificates from its issuer's up to the root's, in PEM.
    pub above: Vec<String>,
}

/// A certificate with its private key.
pub struct Leaf {
    /// The certificate in PEM.
    pub certificate: String,
    /// The private key in PEM (PKCS#8).
    pub key: String,
}

impl Authority {
    /// A root with this subject, such as `/CN=Root`.
    pub fn root(subject: &str) -> Self {
        let judge = Judge::new();
        let extensions = "-addext keyUsage=critical,keyCertSign,cRLSign";
        judge.run(&format!(
            "req -x509 {P256} -nodes -days 3650 -subj {subject} {extensions} -keyout ca.key -out ca.pem"
        ));
        let certificate = judge.read("ca.pem");
        Self { judge, certificate, above: Vec::new() }
    }

    /// An intermediate below this one.
    pub fn below(&self, subject: &str) -> Self {
        let extensions = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";
        let made = self.issue(subject, "", extensions);
        let judge = Judge::new();
        judge.write("ca.key", &made.key);
        judge.write("ca.pem", &made.certificate);
        let above = std::iter::once(self.certificate.clone()).chain(self.above.iter().cloned()).collect();
        Self { judge, certificate: made.certificate, above }
    }

    /// A server's certificate for this host name with a random serial number.
    pub fn leaf(&self, host: &str) -> Leaf {
        self.issue(&format!("/CN={host}"), "", &format!("subjectAltName=DNS:{host}\n"))
    }

    /// A server's certificate for this host name with a chosen serial number, in hex with or without colons.
    pub fn leaf_with_serial(&self, host: &str, serial: &str) -> Leaf {
        let serial = format!("-set_serial 0x{}", serial.replace(':', ""));
        self.issue(&format!("/CN={host}"), &serial, &format!("subjectAltName=DNS:{host}\n"))
    }

    /// Any certificate: its subject, more arguments for `openssl x509 -req`, and its extensions as a configuration file
    /// has them.
    pub fn issue(&self, subject: &str, arguments: &str, extensions: &str) -> Leaf {
        let judge = &self.judge;
        judge.run(&format!("req -new {P256} -nodes -subj {subject} -keyout leaf.key -out leaf.csr"));
        self.certify(arguments, extensions)
    }

    /// The same for an RSA key of 2048 bits.
    pub fn issue_rsa(&self, subject: &str) -> Leaf {
        let judge = &self.judge;
        judge
            .run(&format!("req -new -newkey rsa:2048 -nodes -subj {subject} -keyout leaf.key -out leaf.csr"));
        self.certify("", "basicConstraints=CA:FALSE\n")
    }

    /// The certificates from this CA's own up to the root's, in PEM.
    pub fn chain(&self) -> Vec<&str> {
        std::iter::once(&self.certificate).chain(&self.above).map(String::as_str).collect()
    }

    /// A certificate for the key and subject of `leaf.csr`.
    fn certify(&self, arguments: &str, extensions: &str) -> Leaf {
        let judge = &self.judge;
        judge.write("extensions", extensions);
        judge.run(&format!(
            "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -days 30 {arguments} -extfile extensions -out leaf.pem"
        ));
        Leaf { certificate: judge.read("leaf.pem"), key: judge.read("leaf.key") }
    }
}

impl Leaf {
    /// The serial number as the API writes it.
    pub fn serial_number(&self) -> String {
        let judge = Judge::new();
        judge.write("leaf.pem", &self.certificate);
        let said = judge.run("x509 -in leaf.pem -noout -serial").to_lowercase();
        let digits = said.trim().trim_start_matches("serial=").to_owned();
        let pairs: Vec<&str> =
            (0..digits.len()).step_by(2).map(|at| digits.get(at..at + 2).unwrap_or_default()).collect();
        pairs.join(":")
    }
}
