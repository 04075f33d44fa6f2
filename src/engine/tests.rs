//! What scripts can rely on, tried out in a small engine.

use super::*;
use crate::clock::Clock;
use crate::failure::Kind;
use crate::object::{Object, yaml};
use crate::secret::Secret;
use rhai::{Dynamic, Scope};
use std::sync::Mutex;

mod errors;
mod habits;
mod language;
mod limits;
mod objects;
mod primitives;
mod reports;
mod steps;

/// A stand-in for a type that primitives define.
#[derive(Clone, Debug)]
struct Cluster(String);

impl std::fmt::Display for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

const OPTIONS: &[(&str, &str, &str)] = &[("timeout", "string", "how long"), ("force", "bool", "even then")];

/// Whether a `params` text ends in options.
const fn takes_options(params: &str) -> bool {
    matches!(params.as_bytes(), [.., b'o', b'p', b't', b'i', b'o', b'n', b's', b'?', b':', b' ', b'm', b'a', b'p'])
}

const fn entry(
    on: &'static str,
    name: &'static str,
    params: &'static str,
    call: fn(&Call<'_, ()>) -> Outcome,
) -> Primitive<()> {
    Primitive {
        on,
        name,
        params,
        options: if takes_options(params) { OPTIONS } else { &[] },
        returns: "any",
        doc: "A stand-in.",
        example: "true",
        effect: Effect::Read,
        since: "0.1",
        call,
    }
}

const TYPES: &[Type] = &[Type::of::<Cluster>("Cluster")];

const TABLE: &[Primitive<()>] = &[
    entry("kube", "cluster", "name: string", |call| Ok(Dynamic::from(Cluster(call.str(0).to_string())))),
    entry("kube", "get", "kind: string, name: string, options?: map", |call| {
        Ok(Dynamic::from(format!("{}/{} {:?}", call.str(0), call.str(1), call.options().flag("force")?)))
    }),
    entry("kube", "object", "object: object", |call| Ok(Dynamic::from(call.object(0)?))),
    entry("kube", "count", "objects: objects", |call| {
        Ok(Dynamic::from_int(i64::try_from(call.objects(0)?.len()).expect("small")))
    }),
    entry("Cluster", "name", "", |call| Ok(call.receiver::<Cluster>().0.into())),
    entry("Cluster", "apply", "object: object, name?: string, options?: map", |call| {
        let object = call.object(0)?;
        Ok(Dynamic::from(format!("{} {} {}", call.receiver::<Cluster>().0, object.kind(), call.str(1))))
    }),
    entry("Cluster", "refuse", "name: string", |call| {
        Err(Failure::new(Kind::NotFound, "pods \"x\" not found")
            .on_cluster(call.receiver::<Cluster>().0)
            .about(format!("Pod {}", call.str(0)))
            .hint("look again")
            .into())
    }),
    entry("wait", "until", "predicate: closure", |call| call.invoke(&call.closure(0), Vec::new())),
    entry("wait", "ready", "options?: map", |call| {
        call.options().duration("timeout")?;
        Ok(Dynamic::UNIT)
    }),
    entry("wait", "sleep", "", |call| {
        let clock = call.bridge().clock.clone();
        call.block(async move {
            clock.sleep(std::time::Duration::from_secs(60)).await;
            Ok(())
        })?;
        Ok(Dynamic::UNIT)
    }),
    Primitive { effect: Effect::Write, ..entry("wait", "change", "", |_| Ok("changed".into())) },
    entry("wait", "panic", "", |_| panic!("a defect")),
    entry("wait", "met", "of: any, kind?: string, name?: string, condition: string, options?: map", |call| {
        Ok(Dynamic::from((1..4).map(|at| call.any(at).to_string()).collect::<Vec<_>>().join(",")))
    }),
    entry("wait", "patched", "of: string|map, name?: string, patch: map|array, options?: map", |call| {
        Ok(Dynamic::from(call.any(1).to_string()))
    }),
    entry("Object", "ready", "", |call| Ok(Dynamic::from(call.receiver::<Object>().name().to_owned()))),
];

/// Modules by path.
struct Shelf(Vec<(&'static str, &'static str)>);

impl Sources for Shelf {
    fn load(&self, path: &str, _: Option<&str>) -> Result<(String, String)> {
        let found = self.0.iter().find(|(name, _)| *name == path);
        let (name, text) = found.ok_or_else(|| Failure::new(Kind::NotFound, format!("there is no module `{path}`")))?;
        Ok(((*name).to_owned(), (*text).to_owned()))
    }
}

/// Everything the engine told, in order.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Told {
    fn tell(&self, line: String) {
        self.0.lock().expect("lock").push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().expect("lock").clone()
    }
}

impl Observer for Told {
    fn step_begins(&self, step: &StepStart) -> Result<()> {
        self.tell(format!("begin {} {:?} {}:{}", step.name, step.on, step.place.line, step.place.column));
        Ok(())
    }

    fn step_ended(&self, step: &StepStart, failure: Option<&Failure>) -> Result<()> {
        self.tell(format!("end {} {:?}", step.name, failure.map(|failure| &failure.message)));
        Ok(())
    }

    fn print(&self, line: &str) {
        self.tell(format!("print {line}"));
    }

    fn debug(&self, line: &str, place: Option<&Place>) {
        self.tell(format!("debug {line} {:?}", place.map(|place| place.line)));
    }
}

/// An engine with what it needs around it.
struct Bench {
    engine: Engine,
    told: Arc<Told>,
    clock: Clock,
    cancel: Cancel,
    _runtime: crate::clock::Runtime,
}

impl Bench {
    fn new(modules: &[(&'static str, &'static str)]) -> Bench {
        Bench::over(Arc::new(Shelf(modules.to_vec())))
    }

    fn over(sources: Arc<dyn Sources>) -> Bench {
        let clock = Clock::simulated();
        let runtime = clock.runtime().expect("runtime");
        let cancel = Cancel::default();
        let bridge = Bridge { runtime: runtime.handle().clone(), cancel: cancel.clone(), clock: clock.clone() };
        let told = Arc::new(Told::default());
        let engine = build(Setup {
            host: Arc::new(()),
            tables: &[TABLE],
            types: TYPES,
            bridge,
            sources,
            observer: told.clone(),
        });
        Bench { engine, told, clock, cancel, _runtime: runtime }
    }

    fn run(&self, text: &str) -> Result<Dynamic> {
        on_script_thread(&self.clock, || run_script(&self.engine, "main.rhai", text, &mut Scope::new()))?
    }
}

/// The value of a script, as JSON.
fn value(text: &str) -> serde_json::Value {
    let value = Bench::new(&[]).run(text).unwrap_or_else(|failure| panic!("{text}: {failure:?}"));
    super::value::to_node(&value).expect("a value with a tree").to_wire()
}

/// The failure of a script.
fn fails(text: &str) -> Failure {
    match Bench::new(&[]).run(text) {
        Ok(value) => panic!("{text}: {value}"),
        Err(failure) => failure,
    }
}
