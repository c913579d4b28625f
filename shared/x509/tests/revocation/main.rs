//! CRLs and OCSP responses are made by the `openssl` command, and read and judged here.

#[cfg(test)]
mod crls;
#[cfg(test)]
mod deltas;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod ocsp;
#[cfg(test)]
mod pkits;
mod responder;
#[cfg(test)]
mod sources;
#[cfg(test)]
mod workshop;
