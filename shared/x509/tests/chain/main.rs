//! Path building and validation beyond PKITS (tests/pkits). The certificates are made by the OpenSSL
//! library, rule by rule; where it has an opinion, `openssl verify` is asked too.

#[cfg(test)]
mod building;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod maker;
#[cfg(test)]
mod names;
#[cfg(test)]
mod profile;
#[cfg(test)]
mod signatures;
