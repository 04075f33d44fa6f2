//! Tables to Rhai functions: dispatch on the receiver, arguments bound and checked, errors in the table's words.

use super::call::Call;
use super::inside::{Inside, Listed};
use super::known::Known;
use super::nearest::nearest;
use super::options::Options;
use super::params::{self, Param, ordinal};
use super::table::{Effect, Outcome, Primitive};
use super::types::{Namespace, Type, shown};
use super::value::{as_object, type_name, with_article};
use super::{Bridge, Setup, budget};
use crate::failure::{Failure, Kind};
use crate::object::Object;
use crate::secret::Secret;
use rhai::{Dynamic, Engine, EvalAltResult, NativeCallContext};
use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Calls with more arguments than this meet Rhai's own error instead of ours.
const MOST_ARGUMENTS: usize = 8;

/// One table entry, its parameters parsed.
struct Entry<H: 'static> {
    primitive: &'static Primitive<H>,
    params: Vec<Param>,
}

/// Every table entry by name, and what calls need.
struct Registry<H: 'static> {
    entries: BTreeMap<&'static str, Vec<Entry<H>>>,
    host: Arc<H>,
    bridge: Bridge,
    inside: Arc<Inside>,
}

/// What the error messages know about the tables.
pub(super) fn catalogue<H>(tables: &[&'static [Primitive<H>]]) -> Vec<Listed> {
    let primitives = tables.iter().flat_map(|table| table.iter());
    primitives.map(|p| Listed { on: p.on, name: p.name, signature: p.signature() }).collect()
}

/// Registers every table entry, every type and every namespace object.
pub(super) fn register<H: Send + Sync + 'static>(engine: &mut Engine, setup: &Setup<H>, inside: &Arc<Inside>) {
    let mut entries: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for primitive in setup.tables.iter().flat_map(|table| table.iter()) {
        let params = params::parse(primitive.params).unwrap_or_default();
        entries.entry(primitive.name).or_default().push(Entry { primitive, params });
    }
    let (host, bridge) = (setup.host.clone(), setup.bridge.clone());
    let registry = Arc::new(Registry { entries, host, bridge, inside: inside.clone() });
    for name in registry.entries.keys().copied() {
        register_name(engine, name, &registry);
    }
    register_types(engine, setup.types, &registry);
    register_namespaces(engine, setup, &registry);
}

fn register_name<H: Send + Sync + 'static>(engine: &mut Engine, name: &'static str, registry: &Arc<Registry<H>>) {
    for count in 0..=MOST_ARGUMENTS {
        let registry = registry.clone();
        let types = vec![TypeId::of::<Dynamic>(); count];
        engine.register_raw_fn(name, types, move |context, args| {
            let args: Vec<_> = args.iter().map(|arg| arg.flatten_clone()).collect();
            registry.dispatch(&context, name, args)
        });
    }
}

fn register_types<H: Send + Sync + 'static>(engine: &mut Engine, types: &[Type], registry: &Arc<Registry<H>>) {
    for kind in types {
        let registry = registry.clone();
        kind.register(engine, Arc::new(move |context, value, name| registry.property(context, value, name)));
    }
}

fn register_namespaces<H: Send + Sync + 'static>(engine: &mut Engine, setup: &Setup<H>, registry: &Arc<Registry<H>>) {
    engine.register_type_with_name::<Namespace>("namespace");
    shown::<Namespace>(engine);
    let registry = registry.clone();
    engine.register_indexer_get(move |context: NativeCallContext, on: &mut Namespace, name: &str| {
        registry.property(&context, Dynamic::from(*on), name)
    });
    let is_type = |on: &str| on == "Object" || on == "Secret" || setup.types.iter().any(|kind| kind.name == on);
    let names = setup.tables.iter().flat_map(|table| table.iter()).map(|primitive| primitive.on);
    let names: BTreeSet<_> = names.filter(|name| !name.is_empty() && !is_type(name)).collect();
    // A variable resolver rather than a global module: closures could not capture a module's constants.
    #[expect(deprecated, reason = "Rhai marks this hook as volatile; the version is pinned")]
    engine.on_var(move |name, index, context| {
        let is_own = index > 0 || !names.contains(name) || context.scope().contains(name);
        Ok(if is_own { None } else { names.get(name).map(|name| Dynamic::from(Namespace(name))) })
    });
}

impl<H: Send + Sync + 'static> Registry<H> {
    fn dispatch(&self, context: &NativeCallContext, name: &str, args: Vec<Dynamic>) -> Outcome {
        let outcome = match self.find(name, &args) {
            Some((entry, receiver)) => {
                let args = if entry.primitive.on.is_empty() { args } else { args[1..].to_vec() };
                self.call(context, entry, receiver, args)
            }
            None => Err(self.unknown(context, name, &args).into()),
        };
        outcome.map_err(|error| located(error, context))
    }

    /// The entry for this receiver: of its own type, of `Object` for plain maps and arrays, or a plain function.
    fn find(&self, name: &str, args: &[Dynamic]) -> Option<(&Entry<H>, Dynamic)> {
        let entries = self.entries.get(name)?;
        let on = |wanted: &str| entries.iter().find(|entry| entry.primitive.on == wanted);
        if let Some(receiver) = args.first() {
            if let Some(entry) = on(type_name(receiver)) {
                return Some((entry, receiver.clone()));
            }
            if let Some(entry) = on("Object")
                && let Some(object) = as_object(receiver)
            {
                return Some((entry, Dynamic::from(object)));
            }
        }
        on("").map(|entry| (entry, Dynamic::UNIT))
    }

    fn unknown(&self, context: &NativeCallContext, name: &str, args: &[Dynamic]) -> Failure {
        let types: Vec<_> = args.iter().map(type_name).collect();
        let source = context.call_source().unwrap_or_default();
        Known { engine: context.engine(), inside: &self.inside, source }.no_function(name, &types)
    }

    fn call(&self, context: &NativeCallContext, entry: &Entry<H>, receiver: Dynamic, args: Vec<Dynamic>) -> Outcome {
        let primitive = entry.primitive;
        let (args, options) = entry.bind(args)?;
        let _here = crate::here::at(self.inside.place(context.call_source(), context.call_position()));
        entry.check_open(&args)?;
        if matches!(primitive.effect, Effect::Write | Effect::Run) {
            // Only looking for causes goes on when the step's time is over.
            self.bridge.in_time(crate::here::due())?;
        }
        let call = Call { host: &*self.host, primitive, receiver, args, options, context, bridge: &self.bridge };
        self.inside.observer.called(primitive.on, primitive.name, primitive.effect);
        let outcome = (primitive.call)(&call);
        if primitive.effect != Effect::None {
            budget::renew();
        }
        outcome
    }

    /// `value.name`: a primitive that only tells something and needs no argument may be read like a field.
    fn property(&self, context: &NativeCallContext, value: Dynamic, name: &str) -> Outcome {
        let on = type_name(&value);
        let entries = self.entries.get(name).map_or(&[][..], Vec::as_slice);
        let outcome = match entries.iter().find(|entry| entry.primitive.on == on) {
            Some(entry) if entry.is_property() => self.call(context, entry, value, Vec::new()),
            Some(entry) => Err(must_be_called(entry.primitive).into()),
            None => Err(no_field(&self.inside, name, on).into()),
        };
        outcome.map_err(|error| located(error, context))
    }
}

fn must_be_called<H>(primitive: &Primitive<H>) -> Failure {
    Failure::usage(format!("`{}` is a function: call it", primitive.label())).hint(primitive.signature())
}

impl<H> Entry<H> {
    /// Fails for a closed secret where its content would be used. Where any value is taken, its name will do.
    fn check_open(&self, args: &[Dynamic]) -> Result<(), Failure> {
        let opened = self.params.iter().zip(args).filter(|(param, _)| param.types.contains(&"Secret"));
        opened.filter_map(|(_, arg)| arg.clone().try_cast::<Secret>()).try_for_each(|secret| secret.check_open())
    }

    fn is_property(&self) -> bool {
        let tells = matches!(self.primitive.effect, Effect::None | Effect::Read);
        tells && self.params.iter().all(|param| param.optional)
    }

    /// Arguments in the order of the parameters, and the options. An optional parameter is skipped when the argument
    /// at its place fits a later one.
    fn bind(&self, given: Vec<Dynamic>) -> Result<(Vec<Dynamic>, Options), Failure> {
        let mut bound = Vec::with_capacity(self.params.len());
        let count = given.len();
        let positional = count - usize::from(self.ends_in_options(&given));
        for (index, value) in given.into_iter().enumerate() {
            while self.is_needed_later(bound.len(), positional.saturating_sub(index))
                && self.may_skip(bound.len(), &value)
            {
                bound.push(Dynamic::UNIT);
            }
            while let Some(param) = self.params.get(bound.len())
                && !param.takes(&value)
                && self.may_skip(bound.len(), &value)
            {
                bound.push(Dynamic::UNIT);
            }
            let Some(param) = self.params.get(bound.len()) else { return Err(self.wrong_count(count)) };
            if !param.takes(&value) {
                return Err(self.wrong_type(param, index, &value));
            }
            bound.push(value);
        }
        if self.params.iter().skip(bound.len()).any(|param| !param.optional) {
            return Err(self.wrong_count(count));
        }
        let options = self.options(&mut bound)?;
        Ok((bound, options))
    }

    /// How many parameters from this one on must be there.
    fn required_from(&self, at: usize) -> usize {
        self.params.iter().skip(at).filter(|param| !param.optional).count()
    }

    /// Whether the arguments that are left are all needed by parameters behind this one, which may be left out.
    fn is_needed_later(&self, at: usize, left: usize) -> bool {
        let needed = self.required_from(at);
        needed > 0 && left <= needed && self.params.get(at).is_some_and(|param| param.optional)
    }

    /// Whether the last argument is the options, not one that must be there.
    fn ends_in_options(&self, given: &[Dynamic]) -> bool {
        let takes = self.params.last().is_some_and(|param| param.name == "options");
        takes && given.len() > self.required_from(0) && given.last().is_some_and(Dynamic::is_map)
    }

    fn may_skip(&self, at: usize, value: &Dynamic) -> bool {
        let later = self.params.iter().skip(at + 1);
        let reachable = later.scan(true, |open, param| {
            let reached = *open;
            *open = *open && param.optional;
            reached.then_some(param)
        });
        self.params[at].optional && reachable.into_iter().any(|param| param.takes(value))
    }

    fn wrong_count(&self, count: usize) -> Failure {
        let least = self.params.iter().filter(|param| !param.optional).count();
        let takes = match (least, self.params.len()) {
            (0, 0) => "takes no arguments".to_owned(),
            (least, most) if least == most => format!("takes {}", arguments(most)),
            (least, most) => format!("takes {least} to {}", arguments(most)),
        };
        let label = self.primitive.label();
        let said = match self.params.iter().find(|param| !param.optional && param.types.contains(&"closure")) {
            // What may be left out makes the number right, and something else is there in its place.
            Some(closure) if (least..=self.params.len()).contains(&count) => {
                format!("{label} lacks its {}", closure.name)
            }
            _ => format!("{label} {takes}, not {count}"),
        };
        Failure::usage(said).hint(self.primitive.signature())
    }

    fn wrong_type(&self, param: &Param, index: usize, value: &Dynamic) -> Failure {
        let (label, name, number) = (self.primitive.label(), param.name, ordinal(index + 1));
        let (wants, got) = (param.wants(), with_article(type_name(value)));
        let failure = Failure::usage(format!("{label}: `{name}` ({number} argument) must be {wants}, not {got}"));
        let takes_namespace = self.primitive.options.iter().any(|(key, ..)| *key == "namespace");
        match value.clone().into_immutable_string() {
            Ok(text)
                if name == "options" && takes_namespace && text.chars().all(|c| c.is_alphanumeric() || c == '-') =>
            {
                failure.hint(format!("options are a map: `#{{namespace: \"{text}\"}}`"))
            }
            _ => failure.hint(self.primitive.signature()),
        }
    }

    /// Takes the trailing options map off the arguments and checks its keys and types.
    fn options(&self, bound: &mut Vec<Dynamic>) -> Result<Options, Failure> {
        let primitive = self.primitive.label();
        let is_last = self.params.last().is_some_and(|param| param.name == "options");
        if !is_last || bound.len() < self.params.len() {
            return Ok(Options { primitive, ..Options::default() });
        }
        let map = bound.pop().map(native_map).unwrap_or_default();
        for (key, value) in &map {
            self.check_option(key, value)?;
        }
        Ok(Options { primitive, map })
    }

    fn check_option(&self, key: &str, value: &Dynamic) -> Result<(), Failure> {
        let known = self.primitive.options;
        let Some((_, types, _)) = known.iter().find(|(name, ..)| *name == key) else {
            return Err(self.unknown_option(key));
        };
        let fits =
            |name: &str| matches!(name.trim(), "duration" if value.is_string()) || params::is_a(value, name.trim());
        if value.is_unit() || types.split('|').any(fits) {
            return Ok(());
        }
        let wants: Vec<_> = types.split('|').map(|name| params::in_words(name.trim())).collect();
        let (label, wants, got) = (self.primitive.label(), wants.join(" or "), with_article(type_name(value)));
        Err(Failure::usage(format!("{label}: option `{key}` must be {wants}, not {got}")))
    }

    fn unknown_option(&self, key: &str) -> Failure {
        let known = || self.primitive.options.iter().map(|(name, ..)| *name);
        let failure = Failure::usage(format!("{} has no option `{key}`", self.primitive.label()));
        match nearest(key, known()) {
            Some(name) => failure.hint(format!("did you mean `{name}`?")),
            None => failure.hint(format!("its options are {}", known().collect::<Vec<_>>().join(", "))),
        }
    }
}

fn arguments(count: usize) -> String {
    match count {
        1 => "1 argument".to_owned(),
        count => format!("{count} arguments"),
    }
}

fn native_map(value: Dynamic) -> rhai::Map {
    if let Some(object) = value.read_lock::<Object>() {
        let entries = object.node.entries().iter();
        return entries.map(|(key, node)| ((&**key).into(), super::value::from_node(node))).collect();
    }
    value.try_cast::<rhai::Map>().unwrap_or_default()
}

fn no_field(inside: &Inside, name: &str, on: &'static str) -> Failure {
    let what = if on.starts_with(char::is_lowercase) { format!("`{on}`") } else { with_article(on) };
    let failure = Failure::usage(format!("{what} has no field `{name}`"));
    match inside.nearest_on(on, name) {
        Some(listed) => failure.hint(format!("did you mean `{}`? {}", listed.name, listed.signature)),
        None if on == "Cluster" => failure.hint(format!("its objects are listed by kind: `.list(\"{name}\")`")),
        None => failure,
    }
}

/// The error with the place of the call, unless a deeper place is known.
pub(super) fn located(mut error: Box<EvalAltResult>, context: &NativeCallContext) -> Box<EvalAltResult> {
    let position = context.call_position();
    if let EvalAltResult::ErrorRuntime(value, at) | EvalAltResult::ErrorTerminated(value, at) = &mut *error {
        if at.is_none() {
            *at = position;
        }
        if let Some(mut failure) = value.write_lock::<Failure>()
            && failure.places.is_empty()
        {
            let place = |inside: Arc<Inside>| inside.place(context.call_source(), position);
            failure.places.extend(Inside::of(context.engine()).and_then(place));
        }
    }
    error
}

impl From<Failure> for Box<EvalAltResult> {
    /// The error that scripts can catch as a value with `kind`, `message`, …; an interruption cannot be caught.
    fn from(failure: Failure) -> Box<EvalAltResult> {
        let cancelled = failure.kind == Kind::Cancelled;
        let value = Dynamic::from(failure);
        let position = rhai::Position::NONE;
        match cancelled {
            true => EvalAltResult::ErrorTerminated(value, position).into(),
            false => EvalAltResult::ErrorRuntime(value, position).into(),
        }
    }
}
