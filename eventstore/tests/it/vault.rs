//! Secrets at rest.

use crate::given::{Store, ids};
use clawplane_domain::{
    KeyId, SealedSecret, Secret, UserId,
    clock::Ids,
    provider_key::{AddKey, KeyCommand, ProviderKey},
    sealed::bound_to_key,
};
use clawplane_eventstore::{MasterKey, Vault, VaultError};

const PLAIN: &str = "sk-live-correct-horse-battery-staple";

fn vault(store: &Store, master: u8) -> Vault {
    Vault::new(store.pool().clone(), MasterKey::new([master; 32]), ids())
}

async fn seal(vault: &Vault, bound_to: &str) -> SealedSecret {
    vault.seal(&Secret::new(PLAIN.into()), bound_to).await.unwrap()
}

#[tokio::test]
async fn what_is_sealed_opens_where_it_belongs_and_nowhere_else() {
    let store = Store::empty().await;
    let vault = vault(&store, 1);
    let (mine, yours) = (seal(&vault, "mine").await, seal(&vault, "yours").await);
    assert_eq!(vault.open(&mine, "mine").await.unwrap().expose(), PLAIN);
    assert!(matches!(vault.open(&mine, "yours").await, Err(VaultError::Forged)));
    let mixtures = [
        SealedSecret { data_key_id: yours.data_key_id, ..mine.clone() },
        SealedSecret { nonce: yours.nonce.clone(), ..mine.clone() },
        SealedSecret { ciphertext: yours.ciphertext.clone(), ..mine.clone() },
        SealedSecret { ciphertext: mine.ciphertext.replace(['a', '0'], "f"), ..mine.clone() },
        SealedSecret { ciphertext: mine.ciphertext[2..].into(), ..mine.clone() },
        SealedSecret { ciphertext: String::new(), ..mine.clone() },
        SealedSecret { ciphertext: "no hex".into(), ..mine.clone() },
        SealedSecret { nonce: "00".into(), ..mine.clone() },
    ];
    for forged in mixtures {
        assert!(matches!(vault.open(&forged, "mine").await, Err(VaultError::Forged)), "{forged:?}");
    }
}

#[tokio::test]
async fn a_wrapped_data_key_cannot_be_put_into_another_row() {
    let store = Store::empty().await;
    let vault = vault(&store, 1);
    let (a, b) = (seal(&vault, "x").await, seal(&vault, "x").await);
    let sql = "UPDATE data_keys SET (nonce, wrapped) = (SELECT nonce, wrapped FROM data_keys WHERE id = $1) WHERE id = $2";
    sqlx::query(sql).bind(a.data_key_id.0).bind(b.data_key_id.0).execute(store.pool()).await.unwrap();
    let moved = SealedSecret { data_key_id: b.data_key_id, ..a };
    assert!(matches!(vault.open(&moved, "x").await, Err(VaultError::Forged)));
}

#[tokio::test]
async fn a_shredded_secret_is_gone_and_the_others_are_not() {
    let store = Store::empty().await;
    let vault = vault(&store, 1);
    let (gone, stays) = (seal(&vault, "x").await, seal(&vault, "x").await);
    vault.shred(gone.data_key_id).await.unwrap();
    vault.shred(gone.data_key_id).await.unwrap();
    assert!(matches!(vault.open(&gone, "x").await, Err(VaultError::Shredded)));
    assert_eq!(vault.open(&stays, "x").await.unwrap().expose(), PLAIN);
}

#[tokio::test]
async fn a_wrong_master_key_is_noticed_and_named() {
    let store = Store::empty().await;
    let (right, wrong) = (vault(&store, 1), vault(&store, 2));
    wrong.check().await.unwrap();
    let sealed = seal(&right, "x").await;
    right.check().await.unwrap();
    let expected = |error| match error {
        VaultError::WrongMasterKey { id, wanted, present } => {
            assert_eq!(id, sealed.data_key_id);
            assert_eq!(wanted, MasterKey::new([1; 32]).id());
            assert_eq!(present, MasterKey::new([2; 32]).id());
        }
        other => panic!("{other:?}"),
    };
    expected(wrong.check().await.unwrap_err());
    expected(wrong.open(&sealed, "x").await.unwrap_err());
    assert_eq!(
        format!("{:?}", MasterKey::new([1; 32])),
        format!("MasterKey({})", MasterKey::new([1; 32]).id())
    );
}

#[tokio::test]
async fn two_sealings_of_one_secret_have_nothing_in_common() {
    let store = Store::empty().await;
    let vault = vault(&store, 1);
    let (a, b) = (seal(&vault, "x").await, seal(&vault, "x").await);
    assert_ne!(a.data_key_id, b.data_key_id);
    assert_ne!(a.nonce, b.nonce);
    assert_ne!(a.ciphertext, b.ciphertext);
}

#[tokio::test]
async fn no_table_holds_a_secret_in_any_usual_form() {
    let store = Store::empty().await;
    let vault = vault(&store, 1);
    let id = KeyId(store.ids.uuid());
    let key = AddKey {
        id,
        tenant_id: store.tenant,
        created_by: UserId(store.ids.uuid()),
        vendor: "openai".parse().unwrap(),
        label: "main".parse().unwrap(),
        tags: Vec::new(),
        weight: 1,
        base_url: None,
        api_type: None,
        on_disconnect: clawplane_domain::provider_key::OnDisconnect::default(),
        sealed: seal(&vault, &bound_to_key(store.tenant, id)).await,
    };
    let sealed = key.sealed.clone();
    let command = KeyCommand::Add(Box::new(key));
    store.executor.execute::<ProviderKey>(id, command, store.metadata()).await.unwrap();
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
            .fetch_all(store.pool())
            .await
            .unwrap();
    assert!(tables.contains(&"events".into()) && tables.contains(&"data_keys".into()));
    let mut ciphertexts = 0;
    for table in tables {
        let sql = format!("SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM \"{table}\" t");
        let content: String = sqlx::query_scalar(&sql).fetch_one(store.pool()).await.unwrap();
        for form in [PLAIN.to_owned(), hex::encode(PLAIN), hex::encode([1_u8; 32])] {
            assert!(!content.contains(&form), "{table} holds {form}");
        }
        ciphertexts += usize::from(content.contains(&sealed.ciphertext));
    }
    assert!(ciphertexts > 0, "the search looks into the events");
    assert!(vault.open(&sealed, &bound_to_key(store.tenant, id)).await.is_ok());
}
