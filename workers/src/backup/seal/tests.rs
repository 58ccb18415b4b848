use super::*;

fn key(byte: u8) -> ArchiveKey {
    ArchiveKey::new([byte; 32], "tenant/backup/1".to_owned())
}

fn sealed(plain: &[u8]) -> Vec<u8> {
    let mut writer = SealWriter::new(Vec::new(), key(1), [3; 7]).unwrap();
    writer.write_all(plain).unwrap();
    let (bytes, sums) = writer.finish().unwrap();
    assert_eq!((sums.size, sums.plain), (bytes.len() as u64, plain.len() as u64));
    assert_eq!(sums.sha256, hex::encode(Sha256::digest(&bytes)));
    bytes
}

fn opened(bytes: &[u8], key: ArchiveKey) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    OpenReader::new(bytes, key)?.read_to_end(&mut plain)?;
    Ok(plain)
}

#[test]
fn what_was_sealed_opens_whatever_its_length() {
    for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 17] {
        let plain: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let bytes = sealed(&plain);
        assert_eq!(opened(&bytes, key(1)).unwrap(), plain, "{length}");
        if length > 16 {
            assert!(!bytes.windows(16).any(|window| window == &plain[..16]), "it is not in plain text");
        }
    }
}

#[test]
fn nothing_opens_that_was_changed_cut_or_put_together() {
    let bytes = sealed(&vec![7; 2 * PIECE + 5]);
    for at in [0, 9, 40, PIECE + 20, bytes.len() - 1] {
        let mut wrong = bytes.clone();
        wrong[at] ^= 1;
        assert!(opened(&wrong, key(1)).is_err(), "byte {at} was flipped");
    }
    for end in [0, 3, 15, 16, 15 + PIECE + 16, bytes.len() - 1] {
        assert!(opened(&bytes[..end], key(1)).is_err(), "it was cut off at {end}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(opened(&longer, key(1)).is_err());
    let (first, second) = (15..15 + PIECE + 16, 15 + PIECE + 16..15 + 2 * (PIECE + 16));
    let swapped = [&bytes[..15], &bytes[second.clone()], &bytes[first], &bytes[second.end..]].concat();
    assert!(opened(&swapped, key(1)).is_err());
    let without = [&bytes[..second.start], &bytes[second.end..]].concat();
    assert!(opened(&without, key(1)).is_err());
}

#[test]
fn nothing_opens_with_another_key_or_in_anothers_place() {
    let bytes = sealed(b"of the first");
    assert!(opened(&bytes, key(2)).is_err());
    assert!(opened(&bytes, ArchiveKey::new([1; 32], "tenant/backup/2".to_owned())).is_err());
}
