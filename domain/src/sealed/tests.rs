use super::*;
use crate::testing::id;

#[test]
fn a_token_hash_is_sha_256_in_hex() {
    let hash = TokenHash::of("abc");
    // FIPS 180-2, appendix B.1.
    let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(serde_json::to_value(hash).unwrap(), hex);
    assert_eq!(serde_json::from_value::<TokenHash>(hex.into()).unwrap(), hash);
    assert_eq!(hash.as_bytes()[..2], [0xba, 0x78]);
    assert_eq!(format!("{hash:?}"), format!("TokenHash({hex})"));
    for bad in ["", "ba", "zz", &hex[2..], &format!("{hex}00")] {
        assert!(serde_json::from_value::<TokenHash>(bad.into()).is_err(), "{bad}");
    }
}

/// The stored secrets open with these texts only: they may never change.
#[test]
fn a_secret_is_bound_to_its_tenant_and_its_thing() {
    let tenant = "01990000-0000-7000-8000-000000000001";
    let thing = "01990000-0000-7000-8000-000000000002";
    assert_eq!(bound_to_key(id(1), id(2)), format!("{tenant}/provider_key/{thing}"));
    assert_eq!(bound_to_bot(id(1), id(2)), format!("{tenant}/bot/{thing}"));
}
