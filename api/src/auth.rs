//! Who somebody is: passwords, access tokens, and the brake on guessing.

pub mod passwords;
pub(crate) mod sign_out;
pub(crate) mod throttle;
pub(crate) mod tokens;

pub use passwords::hash_password;
pub use tokens::Principal;
