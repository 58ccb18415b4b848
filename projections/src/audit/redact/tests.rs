use super::shown;
use serde_json::json;

#[test]
fn secrets_are_dropped_at_every_depth_and_the_rest_stays() {
    let payload = json!({
        "type": "x.happened",
        "label": "main",
        "passwordHash": "$argon2id$",
        "token": { "hash": "aa", "sealed": { "ciphertext": "bb", "dataKeyId": "dd" }, "expiresAt": null },
        "dataKeyId": "dd",
        "list": [{ "tokenHash": "ee", "refreshHash": "ff", "type": "kept", "n": 1 }],
        "loose": { "ciphertext": "bb", "nonce": "cc", "left": [true] },
    });
    let expected = json!({
        "label": "main",
        "token": { "expiresAt": null },
        "list": [{ "type": "kept", "n": 1 }],
        "loose": { "left": [true] },
    });
    assert_eq!(shown(&payload), expected);
}
