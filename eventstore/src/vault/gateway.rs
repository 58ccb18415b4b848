//! Gateway tokens: made here, so that their plain text has one form and leaves sealed or to whoever asked for it.

use super::{Vault, VaultError};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use clawplane_domain::{
    BotId, Secret, TenantId, Timestamp, TokenHash, bot::GatewayToken, sealed::bound_to_bot,
};

impl Vault {
    /// A new token for a bot, in plain text and as its events carry it: `cp_` and 256 bits that nobody can guess.
    pub async fn gateway_token(
        &self,
        tenant: TenantId,
        bot: BotId,
        expires_at: Option<Timestamp>,
    ) -> Result<(Secret, GatewayToken), VaultError> {
        let plain = Secret::new(format!("cp_{}", URL_SAFE_NO_PAD.encode(self.ids.random())));
        let sealed = self.seal(&plain, &bound_to_bot(tenant, bot)).await?;
        let token = GatewayToken { hash: TokenHash::of(plain.expose()), sealed, expires_at };
        Ok((plain, token))
    }
}
