//! Scratch.
#[path = "it"]
mod it {
    pub mod ca;
    pub mod certificates;
    pub mod issue;
    pub mod revoke;
    pub mod roles;
    pub mod sign;
}
pub(crate) use it::ca;
