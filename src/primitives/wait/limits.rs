//! How long a wait may last, as a call's options say.

use super::super::Host;
use super::{Choice, TIMEOUT};
use crate::cluster::wait::{Graces, Limits};
use crate::engine::{Call, Options};
use crate::failure::{Failure, Result};
use std::time::Duration;

/// How long an object that should be there may be missing.
const MISSING: Duration = Duration::from_secs(10);

pub(super) const APPEAR: Choice = (
    "appear",
    "string",
    "how long a named object may be missing; 10s when left out, for objects in hand the whole time",
);
pub(super) const REPLACED: Choice =
    ("follow_replacement", "bool", "go on with the new object when it is deleted and created again");
pub(super) const IMAGE: Choice = ("image_grace", "string", "how long an image may be refused or not found; 5s");
pub(super) const PULL: Choice = ("pull_grace", "string", "how long pulling an image may fail otherwise; 90s");
pub(super) const CRASH: Choice = ("crash_grace", "string", "how long a container may crash; 55s");
pub(super) const RESTARTS: Choice = ("crash_restarts", "int", "how often a container may crash; 3");
pub(super) const CONFIG: Choice = ("config_grace", "string", "how long a Secret or ConfigMap may be missing; 15s");
pub(super) const CONTAINER: Choice = ("container_grace", "string", "how long a container may fail to start; 10s");
pub(super) const UNSCHEDULABLE: Choice = ("unschedulable_grace", "string", "how long a pod may fit no node; 55s");
pub(super) const SCALE_UP: Choice = ("scale_up_grace", "string", "the same while nodes are being added; 10m");
pub(super) const CREATION: Choice =
    ("creation_grace", "string", "how long quota, limits or admission may refuse the pods; 15s");
pub(super) const MOUNT: Choice = ("mount_grace", "string", "how long a volume may fail to mount; 50s");
pub(super) const PROVISION: Choice = ("provision_grace", "string", "how long a volume may fail to be provisioned; 60s");
pub(super) const BALANCER: Choice =
    ("balancer_grace", "string", "how long a load balancer may be refused, or not be heard of; 55s");
pub(super) const STATUS: Choice = (
    "status_grace",
    "string",
    "how long a kind that reports its status may stay silent before existing is enough; 30s",
);

/// The limits of a call; `expected` when its object should be there already.
pub(super) fn of(call: &Call<'_, Host>, expected: bool) -> Result<Limits> {
    let options = call.options();
    let fail_fast = options.bool("fail_fast")?.unwrap_or(true);
    let appear = options.duration("appear")?.or((expected && fail_fast).then_some(MISSING));
    Ok(Limits {
        timeout: call.at_most(options.duration("timeout")?.unwrap_or(TIMEOUT)),
        fail_fast,
        appear,
        follow_replacement: options.flag("follow_replacement")?,
        graces: graces(options)?,
    })
}

fn graces(options: &Options) -> Result<Graces> {
    let mut graces = Graces::default();
    let fields = [
        (IMAGE, &mut graces.image),
        (PULL, &mut graces.pull),
        (CRASH, &mut graces.crash),
        (CONFIG, &mut graces.config),
        (CONTAINER, &mut graces.container),
        (UNSCHEDULABLE, &mut graces.unschedulable),
        (SCALE_UP, &mut graces.scale_up),
        (CREATION, &mut graces.creation),
        (MOUNT, &mut graces.mount),
        (PROVISION, &mut graces.provision),
        (BALANCER, &mut graces.balancer),
        (STATUS, &mut graces.status),
    ];
    for ((name, _, _), field) in fields {
        *field = options.duration(name)?.unwrap_or(*field);
    }
    graces.crash_restarts = options.int("crash_restarts")?.unwrap_or(graces.crash_restarts);
    if graces.crash_restarts < 1 {
        return Err(Failure::usage("crash_restarts must be 1 or more"));
    }
    Ok(graces)
}
