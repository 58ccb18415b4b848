//! Accounts: a person with a tenant of their own. There is no way to make one over HTTP yet.

use crate::auth::passwords::{LONGEST_PASSWORD, PasswordError, SHORTEST_PASSWORD, hash_password};
use clawplane_domain::{
    Actor, Metadata, Secret, TenantId, UserId,
    claim::Scope,
    clock::{Clock, Ids},
    tenant::{Tenant, TenantCommand, TenantRefusal},
    user::{Account, User, UserCommand, UserRefusal},
    values::{Email, Label},
};
use clawplane_eventstore::{ClaimTable, ExecuteError, Executor, StoreError};

/// What an account is made of.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The name at sign-in.
    pub email: Email,
    /// In plain text; only its argon2id hash is stored.
    pub password: Secret,
    /// Its name for people.
    pub name: Label,
    /// Administers the whole installation.
    pub administrator: bool,
}

/// Why an account was not made.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Somebody has this address.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// Too short or too long.
    #[error(
        "a password must have at least {SHORTEST_PASSWORD} characters and at most {LONGEST_PASSWORD} bytes"
    )]
    Password,
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] PasswordError),
    /// The tenant could not be made.
    #[error("the personal tenant could not be made")]
    Tenant(#[from] ExecuteError<TenantRefusal>),
    /// The user could not be made.
    #[error("the user could not be made")]
    User(#[source] ExecuteError<UserRefusal>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a personal tenant and a user who owns it.
///
/// The tenant comes first: should this end half-way, a tenant without members is left, which disturbs nobody, and
/// never a user without a tenant.
pub async fn register(
    executor: &Executor,
    claims: &ClaimTable,
    clock: &dyn Clock,
    ids: &dyn Ids,
    new: NewAccount,
) -> Result<UserId, RegisterError> {
    let characters = new.password.expose().chars().count();
    if characters < SHORTEST_PASSWORD || new.password.len() > LONGEST_PASSWORD {
        return Err(RegisterError::Password);
    }
    if claims.holder(Scope::UserEmail, new.email.as_str()).await?.is_some() {
        return Err(RegisterError::EmailTaken);
    }
    let password_hash = hash_password(new.password).await?;
    let (user, tenant) = (UserId(ids.uuid()), TenantId(ids.uuid()));
    let metadata = Metadata {
        tenant_id: tenant,
        actor: Actor::system("bootstrap"),
        at: clock.now(),
        request_id: None,
        causation: None,
    };
    let create = TenantCommand::Create { id: tenant, name: new.name.clone(), owner: user, personal: true };
    executor.execute::<Tenant>(tenant, create, metadata.clone()).await?;
    let account = Account {
        id: user,
        email: new.email,
        name: new.name,
        password_hash,
        personal_tenant: tenant,
        administrator: new.administrator,
    };
    let registered = executor.execute::<User>(user, UserCommand::Register(Box::new(account)), metadata).await;
    registered.map_err(|error| match error {
        ExecuteError::Taken(_) => RegisterError::EmailTaken,
        error => RegisterError::User(error),
    })?;
    Ok(user)
}
