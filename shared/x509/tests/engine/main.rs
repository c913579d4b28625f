//! What the engine makes is judged by the `openssl` command line and by `x509-cert`; what it reads
//! is made by the `openssl` command line.

#[cfg(test)]
mod bundles;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod crls;
#[cfg(test)]
mod inspection;
#[cfg(test)]
mod judge;
#[cfg(test)]
mod public_keys;
#[cfg(test)]
mod requests;
