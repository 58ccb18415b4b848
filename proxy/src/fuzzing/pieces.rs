//! Cuts bytes as a network might: at places that the bytes themselves decide, so that a finding can be replayed.

/// The ways in which the same bytes are cut: small pieces of any size, and byte by byte.
pub(crate) fn ways(data: &[u8]) -> [Vec<&[u8]>; 3] {
    let sum = crc32fast::hash(data);
    [cut(data, sum, 7), cut(data, sum.rotate_left(16), 200), data.chunks(1).collect()]
}

/// Pieces of 0 to `longest` bytes; where, a xorshift says (Marsaglia, "Xorshift RNGs", 2003).
fn cut(mut rest: &[u8], seed: u32, longest: u32) -> Vec<&[u8]> {
    let mut state = seed | 1;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let length = (state % (longest + 1)) as usize;
        let (piece, after) = rest.split_at(length.min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}
