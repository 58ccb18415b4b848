//! End-to-end tests: the real binary on real parts. One binary, so that it is linked once.

mod crash;
mod layers;
mod openclaw;
mod operating;
mod proxy;
mod secrets;
mod tenants;
mod tour;
