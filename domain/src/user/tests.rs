use super::*;
use crate::testing::{given, id, replay_equals_live, value};
use proptest::prelude::*;

fn account() -> Account {
    Account {
        id: id(1),
        email: value("ada@example.org"),
        name: value("Ada"),
        password_hash: "$argon2id$first".into(),
        personal_tenant: id(2),
        administrator: false,
    }
}

fn register() -> UserCommand {
    UserCommand::Register(Box::new(account()))
}

fn registered() -> UserEvent {
    UserEvent::Registered { account: account() }
}

fn change(hash: &str) -> UserCommand {
    UserCommand::ChangePassword { password_hash: hash.into() }
}

fn changed(hash: &str) -> UserEvent {
    UserEvent::PasswordChanged { password_hash: hash.into() }
}

#[test]
fn a_user_is_registered_once() {
    assert_eq!(given::<User>([]).when(register()).then([registered()]).account, Some(account()));
    given::<User>([registered()]).when(register()).refused(&UserRefusal::Exists);
}

#[test]
fn a_password_is_replaced_by_another_one() {
    let user =
        given::<User>([registered()]).when(change("$argon2id$second")).then([changed("$argon2id$second")]);
    assert_eq!(user.account.unwrap().password_hash, "$argon2id$second");
    given::<User>([registered()]).when(change("$argon2id$first")).then_nothing();
    given::<User>([registered(), changed("x")]).when(change("x")).then_nothing();
    given::<User>([]).when(change("x")).refused(&UserRefusal::Unknown);
}

#[test]
fn an_email_address_is_taken_by_the_registration_alone() {
    assert_eq!(registered().takes(), [Claim::new(Scope::UserEmail, &"ada@example.org")]);
    assert_eq!(changed("x").takes(), []);
    assert!(registered().releases().is_empty() && changed("x").releases().is_empty());
}

proptest! {
    #[test]
    fn replay_is_the_live_state(commands in prop::collection::vec(prop::option::of("[a-c]"), 0..12)) {
        replay_equals_live::<User>(commands.into_iter().map(|hash| hash.map_or_else(register, |hash| change(&hash))));
    }
}
