use super::{KeyFault, MasterKey};

#[test]
fn hex_and_both_kinds_of_base64_give_the_same_bytes() {
    let hex = "fb".repeat(32);
    let url_safe = "-_v7".replace("-_v7", &"-_v7".repeat(10));
    let key = MasterKey::parse(&hex).unwrap();
    assert_eq!(key.bytes(), &[0xfb; 32]);
    assert_eq!(key.to_hex().expose(), hex);
    let standard = "+/v7".repeat(10) + "+/s=";
    assert_eq!(
        MasterKey::parse(&standard).unwrap().bytes(),
        MasterKey::parse(&(url_safe + "-_s")).unwrap().bytes()
    );
    assert_eq!(MasterKey::parse(&format!(" {hex}\n")).unwrap().bytes(), &[0xfb; 32]);
}

#[test]
fn other_lengths_and_letters_are_refused() {
    for text in ["", "abcd", &"g".repeat(64), &"f".repeat(62), &"A".repeat(42), &"A".repeat(88)] {
        assert_eq!(MasterKey::parse(text).unwrap_err(), KeyFault, "{text}");
    }
}

#[test]
fn nothing_of_it_is_printed() {
    assert_eq!(format!("{:?}", MasterKey::new([0xfb; 32])), "MasterKey(***)");
}
