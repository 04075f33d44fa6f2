//! A kubeconfig that acts as a ServiceAccount.

use super::super::Host;
use super::decode_key;
use crate::cluster::wait::{self, Rule, rules::Verdict};
use crate::cluster::{ApplyOptions, Cluster, Selection};
use crate::engine::{Call, Outcome};
use crate::failure::{Failure, Kind, Result};
use crate::object::{Node, Object};
use crate::secret::Secret;
use base64::Engine as _;
use rhai::Dynamic;
use serde_json::json;
use std::time::Duration;

const TOKEN_TYPE: &str = "kubernetes.io/service-account-token";
const OWNER: &str = "kubernetes.io/service-account.name";

pub(super) fn kubeconfig(call: &Call<'_, Host>) -> Outcome {
    let Some(cluster) = call.value::<Cluster>(0) else { return Err(Failure::usage("no cluster").into()) };
    let account = call.str(1);
    let limit = call.options().duration("timeout")?.unwrap_or(Duration::from_secs(30));
    let token_secret = call.block(token_secret(&cluster, &account, limit))?;
    cluster.check_open(token_secret.namespace().unwrap_or_default(), token_secret.name())?;
    let name = call.options().str("name")?.unwrap_or_else(|| cluster.name().to_owned());
    let server = call.options().str("server")?.unwrap_or_else(|| cluster.server().to_owned());
    let config = compose(&name, &server, &token_secret)?;
    Ok(Dynamic::from(Secret::new(format!("kubeconfig {name}"), config)))
}

/// The account's token Secret, filled; made when there is none.
async fn token_secret(cluster: &Cluster, account: &str, limit: Duration) -> Result<Object> {
    let Some((namespace, name)) = account.split_once('/') else {
        return Err(Failure::usage(format!("`{account}` is not \"namespace/name\"")));
    };
    let target = cluster.target("ServiceAccount", account).await?;
    if cluster.find(&target).await?.is_none() {
        return Err(
            Failure::new(Kind::NotFound, format!("serviceaccounts \"{name}\" not found")).on_cluster(cluster.name())
        );
    }
    if let Some(existing) = existing(cluster, namespace, name).await? {
        return filled(cluster, existing, limit).await;
    }
    let wanted = json!({
        "apiVersion": "v1", "kind": "Secret", "type": TOKEN_TYPE,
        "metadata": {"name": format!("{name}-token"), "namespace": namespace, "annotations": {OWNER: name}},
    });
    let made = cluster.apply(&Object::new(Node::from(&wanted)), &ApplyOptions::default()).await?;
    filled(cluster, made.object, limit).await
}

async fn existing(cluster: &Cluster, namespace: &str, account: &str) -> Result<Option<Object>> {
    let resource = cluster.resource("Secret").await?;
    let fields = Some(format!("type={TOKEN_TYPE}"));
    let selection = Selection { namespace: Some(namespace.to_owned()), fields, ..Selection::default() };
    let secrets = cluster.list(&resource, &selection).await?;
    Ok(secrets.into_iter().find(|secret| secret.annotation(OWNER) == Some(account)))
}

/// Waits until the token controller has filled the Secret.
async fn filled(cluster: &Cluster, secret: Object, limit: Duration) -> Result<Object> {
    if decode_key(&secret, "token").is_some() {
        return Ok(secret);
    }
    let target = cluster.target_of(&secret).await?;
    let has_token = Rule::new("filled with a token", |object| match object.and_then(|o| decode_key(o, "token")) {
        Some(_) => Verdict::Done("has a token".into()),
        None => Verdict::Progressing("has no token yet".into()),
    });
    wait::until(cluster, &target, has_token, limit)
        .await
        .map_err(|failure| failure.hint("the cluster's token controller fills it: is kube-controller-manager running?"))
}

fn compose(name: &str, server: &str, secret: &Object) -> Result<String> {
    let missing = |key: &str| Failure::new(Kind::NotFound, format!("{} has no `{key}`", secret.title()));
    let token = decode_key(secret, "token").ok_or_else(|| missing("token"))?;
    let authority = decode_key(secret, "ca.crt").ok_or_else(|| missing("ca.crt"))?;
    let authority = base64::engine::general_purpose::STANDARD.encode(authority.reveal());
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": name,
        "clusters": [{"name": name, "cluster": {"certificate-authority-data": authority, "server": server}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "users": [{"name": name, "user": {"token": token.reveal()}}],
    });
    Ok(crate::object::yaml::emit(&Node::from(&config)))
}
