//! Keys and bundles that other programs wrote and read: the `openssl` command line, Java's `keytool`
//! and GnuTLS' `certtool`. They must be installed; `tests/run --prepare` installs them.

#[cfg(test)]
mod bundles;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod workshop;
