//! How a password is shown without being told: hashed together with the server's nonce.

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

/// `mysql_native_password`: SHA1(p) ⊕ SHA1(nonce, SHA1(SHA1(p))).
pub(super) fn native(password: &[u8], nonce: &[u8]) -> Vec<u8> {
    let once = hash(&SHA1_FOR_LEGACY_USE_ONLY, &[password]);
    let twice = hash(&SHA1_FOR_LEGACY_USE_ONLY, &[&once]);
    xor(&once, &hash(&SHA1_FOR_LEGACY_USE_ONLY, &[nonce, &twice]))
}

/// `caching_sha2_password`: SHA256(p) ⊕ SHA256(SHA256(SHA256(p)), nonce).
pub(super) fn caching_sha2(password: &[u8], nonce: &[u8]) -> Vec<u8> {
    let once = hash(&SHA256, &[password]);
    let twice = hash(&SHA256, &[&once]);
    xor(&once, &hash(&SHA256, &[&twice, nonce]))
}

fn hash(algorithm: &'static Algorithm, parts: &[&[u8]]) -> Vec<u8> {
    digest(algorithm, &parts.concat()).as_ref().to_vec()
}

fn xor(one: &[u8], other: &[u8]) -> Vec<u8> {
    one.iter().zip(other).map(|(one, other)| one ^ other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the servers do: they keep the hash of the hash, and get the hash back from what was sent.
    #[test]
    fn a_server_can_check_what_was_sent() {
        let (password, nonce) = (b"a password".as_slice(), b"12345678abcdefghijkl".as_slice());
        let kept = hash(&SHA1_FOR_LEGACY_USE_ONLY, &[&hash(&SHA1_FOR_LEGACY_USE_ONLY, &[password])]);
        let found = xor(&native(password, nonce), &hash(&SHA1_FOR_LEGACY_USE_ONLY, &[nonce, &kept]));
        assert_eq!(hash(&SHA1_FOR_LEGACY_USE_ONLY, &[&found]), kept);
        let kept = hash(&SHA256, &[&hash(&SHA256, &[password])]);
        let found = xor(&caching_sha2(password, nonce), &hash(&SHA256, &[&kept, nonce]));
        assert_eq!(hash(&SHA256, &[&found]), kept);
    }
}
