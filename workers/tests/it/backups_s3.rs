//! The bucket, on a real S3 server in this process.

use crate::{
    backups::{Place, talkative},
    desk::Desk,
};
use clawplane_domain::{
    Secret,
    backup::{BackupCommand, DeletedBy, Form},
};
use clawplane_workers::backup::{BackupStore, Meter, S3Config, S3Store};
use futures::TryStreamExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use pretty_assertions::assert_eq;
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use std::{fs, path::Path, sync::Arc};
use tempfile::TempDir;
use tokio::net::TcpListener;

const BUCKET: &str = "clawplane";

/// A server with an empty bucket, and its folder.
async fn server() -> (String, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(BUCKET)).unwrap();
    let mut builder = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
    builder.set_auth(SimpleAuth::from_single("id", "key"));
    let service = builder.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let http = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = http.serve_connection(TokioIo::new(socket), service).await;
            });
        }
    });
    (format!("http://{addr}"), folder)
}

fn store(endpoint: &str, key: &str) -> S3Store {
    let config = S3Config {
        bucket: BUCKET.to_owned(),
        prefix: "platform/one".to_owned(),
        endpoint: Some(endpoint.to_owned()),
        region: "us-east-1".to_owned(),
        access_key_id: "id".to_owned(),
        secret_access_key: Secret::new(key.to_owned()),
    };
    S3Store::new(&config).unwrap()
}

async fn read(store: &S3Store, object: &str) -> Result<Vec<u8>, String> {
    let mut reader = store.read(object).await.map_err(|error| error.to_string())?;
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map(|_| bytes)
    });
    read.await.unwrap().map_err(|error| error.to_string())
}

fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.file_name().into_string().unwrap()),
        }
    }
    found
}

#[tokio::test]
async fn an_object_is_there_whole_or_not_at_all() {
    let (endpoint, folder) = server().await;
    let store = store(&endpoint, "key");
    let file = folder.path().join("staged");
    let bytes: Vec<u8> = (0..20_000_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    fs::write(&file, &bytes).unwrap();
    let upload = store.announce("a/b.cpbk").await.unwrap();
    assert!(read(&store, "a/b.cpbk").await.is_err(), "it is announced, and not there");
    let meter = Meter::default();
    store.put("a/b.cpbk", upload.as_deref(), &file, &meter).await.unwrap();
    assert_eq!(meter.read().1, bytes.len() as u64, "in three parts");
    assert!(read(&store, "a/b.cpbk").await.unwrap() == bytes);
    assert!(folder.path().join(BUCKET).join("platform/one/a/b.cpbk").exists());

    store.remove("a/b.cpbk", upload.as_deref()).await.unwrap();
    assert_eq!(read(&store, "a/b.cpbk").await.unwrap_err(), "the store: the object is gone");
    store.remove("a/b.cpbk", None).await.expect("nothing to remove is a success");
}

#[tokio::test]
async fn an_upload_that_broke_off_is_given_up() {
    let (endpoint, folder) = server().await;
    let store = store(&endpoint, "key");
    let upload = store.announce("half").await.unwrap();
    let file = folder.path().join("staged");
    fs::write(&file, vec![7; 9_000_000]).unwrap();
    let meter = Meter::default();
    meter.cancel("the test wants it");
    assert!(store.put("half", upload.as_deref(), &file, &meter).await.is_err());
    store.remove("half", upload.as_deref()).await.unwrap();
    fs::remove_file(&file).unwrap();
    let parts: Vec<_> = files(folder.path()).into_iter().filter(|name| name.contains("part")).collect();
    assert_eq!(parts, [""; 0], "no part of it is left");
}

#[tokio::test]
async fn a_wrong_key_is_said_without_it() {
    let (endpoint, _folder) = server().await;
    let error = store(&endpoint, "a wrong key").announce("x").await.unwrap_err().to_string();
    assert!(error.starts_with("the store: ") && !error.contains("a wrong key"), "{error}");
}

#[tokio::test]
async fn backups_are_kept_in_a_bucket() {
    let (endpoint, folder) = server().await;
    let place = Place::with(Desk::new().await, Arc::new(store(&endpoint, "key")));
    let running = place.desk.work(place.desk.config(), Arc::new(place.fake.clone()));
    let bot = talkative(&place).await;
    let work = place.work();
    let made = place.made(bot).await;
    assert_eq!(made.begun.as_ref().unwrap().store, "s3:clawplane");
    let (_, stream) = place.archives().download(&made, Form::Plain).await.unwrap();
    let pieces: Vec<_> = stream.try_collect().await.unwrap();
    let tar = zstd::decode_all(pieces.concat().as_slice()).unwrap();
    assert!(String::from_utf8_lossy(&tar).contains("hello\n"));
    place.tell(made.request.id, BackupCommand::Verify).await;
    let said = place.until(made.request.id, "it was checked", |now| now.verified.is_some()).await;
    assert!(said.verified.unwrap().ok);
    place.tell(made.request.id, BackupCommand::Delete(DeletedBy::Person)).await;
    place.until(made.request.id, "it is gone", |now| now.removed).await;
    let left = files(&folder.path().join(BUCKET));
    assert!(!left.iter().any(|name| name.contains("cpbk")), "{left:?}");
    work.stop().await;
    running.stop().await;
}
