//! A user: a person who can sign in.

use crate::{
    Decide, TenantId, UserId,
    claim::{Claim, Claims, Scope},
    values::{Email, Label},
};
use serde::{Deserialize, Serialize};

/// The aggregate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Present from `user.registered` on.
    pub account: Option<Account>,
}

/// A user who exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Its id, which also is its stream's.
    pub id: UserId,
    /// Where mail goes, and the name at sign-in; unique.
    pub email: Email,
    /// Its name for people.
    pub name: Label,
    /// argon2id, as a PHC string. Never leaves the event store but for the sign-in check.
    pub password_hash: String,
    /// The tenant that was made for this user alone.
    pub personal_tenant: TenantId,
    /// Administers the whole installation.
    pub administrator: bool,
}

/// A command to one user.
#[derive(Clone, Debug)]
pub enum UserCommand {
    /// Make the account.
    Register(Box<Account>),
    /// Replace the password.
    ChangePassword {
        /// argon2id, as a PHC string.
        password_hash: String,
    },
}

/// An event of a user's stream (`user`, the user's id).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum UserEvent {
    /// The account exists. Takes its e-mail address.
    #[serde(rename = "user.registered")]
    Registered {
        /// The account.
        #[serde(flatten)]
        account: Account,
    },
    /// The password is another one.
    #[serde(rename = "user.password_changed")]
    PasswordChanged {
        /// argon2id, as a PHC string.
        password_hash: String,
    },
}

crate::aggregate::impl_event!(UserEvent {
    Registered => "user.registered" @ "1",
    PasswordChanged => "user.password_changed" @ "1",
});

impl Claims for UserEvent {
    fn takes(&self) -> Vec<Claim> {
        match self {
            Self::Registered { account } => vec![Claim::new(Scope::UserEmail, &account.email)],
            Self::PasswordChanged { .. } => Vec::new(),
        }
    }
}

/// Why a command to a user was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserRefusal {
    /// `Register` on a stream that exists.
    #[error("the user exists already")]
    Exists,
    /// Any other command on a stream that does not exist.
    #[error("there is no such user")]
    Unknown,
}

impl Decide for User {
    type Command = UserCommand;
    type Event = UserEvent;
    type Refusal = UserRefusal;

    fn decide(&self, command: UserCommand) -> Result<Vec<UserEvent>, UserRefusal> {
        match (&self.account, command) {
            (None, UserCommand::Register(account)) => Ok(vec![UserEvent::Registered { account: *account }]),
            (Some(_), UserCommand::Register(_)) => Err(UserRefusal::Exists),
            (None, UserCommand::ChangePassword { .. }) => Err(UserRefusal::Unknown),
            (Some(account), UserCommand::ChangePassword { password_hash }) => {
                if account.password_hash == password_hash {
                    return Ok(Vec::new());
                }
                Ok(vec![UserEvent::PasswordChanged { password_hash }])
            }
        }
    }

    fn evolve(&mut self, event: UserEvent) {
        match event {
            UserEvent::Registered { account } => self.account = Some(account),
            UserEvent::PasswordChanged { password_hash } => {
                if let Some(account) = &mut self.account {
                    account.password_hash = password_hash;
                }
            }
        }
    }
}

crate::aggregate::impl_aggregate!(User, "user");

#[cfg(test)]
mod tests;
