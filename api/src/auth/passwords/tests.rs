use super::*;

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

#[tokio::test]
async fn only_the_right_password_of_a_known_account_is_right() {
    let hash = hash_password(secret("correct horse")).await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    let passwords = Passwords::default();
    assert_eq!(passwords.verify(secret("correct horse"), Some(hash.clone())).await, Ok(true));
    assert_eq!(passwords.verify(secret("correct Horse"), Some(hash)).await, Ok(false));
    assert_eq!(passwords.verify(secret("correct horse"), None).await, Ok(false));
}

#[tokio::test]
async fn an_unknown_account_costs_the_same_work() {
    let nobody = PasswordHash::new(NOBODY).unwrap();
    let somebody = hash_password(secret("x")).await.unwrap();
    let somebody = PasswordHash::new(&somebody).unwrap();
    assert_eq!(nobody.algorithm, somebody.algorithm);
    assert_eq!(nobody.params, somebody.params);
    assert_eq!(nobody.hash.unwrap().len(), somebody.hash.unwrap().len());
}

#[tokio::test]
async fn a_stored_hash_that_is_none_is_an_error_and_not_a_sign_in() {
    let result = Passwords::default().verify(secret("x"), Some("not a hash".to_owned())).await;
    assert_eq!(result, Err(PasswordError::Failed));
}

#[tokio::test(start_paused = true)]
async fn whoever_finds_no_place_is_told_so() {
    let passwords = Passwords::default();
    let _all = passwords.places.clone().acquire_many_owned(4).await.unwrap();
    assert_eq!(passwords.verify(secret("x"), None).await, Err(PasswordError::Busy));
}
