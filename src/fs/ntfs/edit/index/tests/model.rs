//! Random changes against a sorted map.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::memory::Memory;
use super::{Indexed, NewEntry, Random, Reference, UpCase, file_name, insert_exact, node, units, validate};
use crate::error::Kind;
use crate::fs::ntfs::edit::index::{find, insert, is_empty, is_small, remove, update};

/// The order of names, said in another way than the code says it: by letters that are upper case, then by the units.
type Model = BTreeMap<(String, Vec<u16>), (Reference, Vec<u8>)>;

fn order(name: &str) -> (String, Vec<u16>) {
    (name.to_uppercase(), units(name))
}

fn check(store: &Memory, model: &Model, upcase: &UpCase) {
    let found = validate(store, upcase, true, &mut || store.used());
    same(found, model);
}

fn same(found: Vec<Indexed>, model: &Model) {
    let found: Vec<_> = found.into_iter().map(|entry| (entry.reference, entry.key)).collect();
    assert!(found == model.values().cloned().collect::<Vec<_>>(), "{} names, not {}", found.len(), model.len());
}

/// A name by number: mixed case, lengths of 1 to `longest`, many with the same beginning.
fn name(number: usize, longest: usize) -> String {
    let letters = ["a", "A", "b", "Z", "z", "_", "é", "É", "0", "ж"];
    let mut name = format!("{}{}", letters[number % 10], letters[number / 10 % 10]);
    let wanted = 4 + number * 7919 % (longest - 3).max(1);
    name.push_str(&number.to_string());
    while name.encode_utf16().count() < wanted {
        name.push_str(letters[(number + name.len()) % 10]);
    }
    name.chars().take(longest).collect()
}

#[derive(Clone, Debug)]
enum Act {
    Insert(usize),
    Remove(usize),
    Update(usize, u64),
}

fn acts(names: usize) -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        5 => (0..names).prop_map(Act::Insert),
        4 => (0..names).prop_map(Act::Remove),
        1 => (0..names, any::<u64>()).prop_map(|(name, bytes)| Act::Update(name, bytes)),
    ];
    prop::collection::vec(act, 1..300)
}

/// Carries an act out on both; false when it was refused for want of room, and then nothing has changed.
fn step(store: &mut Memory, model: &mut Model, act: &Act, longest: usize, upcase: &UpCase) -> bool {
    let (Act::Insert(number) | Act::Remove(number) | Act::Update(number, _)) = *act;
    let text = name(number, longest);
    let (name, key) = (units(&text), order(&text));
    let reference = Reference(number as u64 | 7 << 48);
    // Only names that may be refused are worth a copy.
    let before = (longest == 255).then(|| store.clone());
    let there = model.contains_key(&key);
    let done = match act {
        Act::Insert(_) if !there => {
            let value = file_name(&name, number as u64);
            let done = insert_exact(store, upcase, NewEntry { reference, key: value.clone() });
            done.map(|()| drop(model.insert(key, (reference, value))))
        }
        Act::Insert(_) => {
            let error = insert(store, upcase, NewEntry { reference, key: file_name(&name, 0) }).unwrap_err();
            assert_eq!(error.kind(), Kind::Refused);
            return true;
        }
        Act::Remove(_) => remove(store, upcase, &name, reference).map(|()| drop(model.remove(&key))),
        Act::Update(_, bytes) => {
            let value = file_name(&name, *bytes);
            let done = update(store, upcase, &name, reference, &value);
            done.map(|()| model.get_mut(&key).unwrap().1 = value)
        }
    };
    match done {
        Ok(()) => true,
        Err(error) => {
            assert_eq!(error.kind(), Kind::Refused, "{error}");
            if matches!(act, Act::Insert(_)) || there {
                *store = before.unwrap_or_else(|| panic!("{act:?}: {error}"));
                return false;
            }
            // What is not there is neither removed nor changed.
            true
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn random_changes_leave_what_the_model_has(
        acts in acts(160),
        shape in prop::sample::select(vec![
            (512, 250, 26), (512, 400, 12), (1024, 300, 40), (1024, 500, 70), (2048, 300, 254), (4096, 300, 254), (4096, 900, 30),
        ]),
    ) {
        let (block_bytes, room, longest) = shape;
        let upcase = UpCase::unicode();
        let mut store = Memory::new(room, block_bytes, 8);
        let mut model = Model::new();
        for (at, act) in acts.iter().enumerate() {
            prop_assert!(step(&mut store, &mut model, act, longest, &upcase), "{act:?} was refused");
            if at % 16 == 0 {
                check(&store, &model, &upcase);
            }
        }
        check(&store, &model, &upcase);
        for (reference, key) in model.values() {
            let found = find(&store, &upcase, &node::name_of(key).unwrap()).unwrap().unwrap();
            prop_assert_eq!(found.reference, *reference);
        }
        for (reference, key) in model.values() {
            remove(&mut store, &upcase, &node::name_of(key).unwrap(), *reference).unwrap();
        }
        prop_assert!(is_empty(&store).unwrap() && is_small(&store.root) && store.used.is_empty());
    }

    /// Names that hardly fit: what is refused changes nothing, and the tree stays sound.
    #[test]
    fn names_too_long_for_the_blocks_are_refused(acts in acts(60), room in 250usize..900) {
        let upcase = UpCase::unicode();
        let mut store = Memory::new(room, 1024, 2);
        let mut model = Model::new();
        for act in &acts {
            step(&mut store, &mut model, act, 255, &upcase);
            // Two such names do not share one block, and a node with one subtree and no name may remain.
            same(validate(&store, &upcase, false, &mut || store.used()), &model);
        }
    }
}

/// Thousands of names come and go in random order; in between an insertion is undone, mostly without a trace.
#[test]
fn thousands_of_names() {
    let upcase = UpCase::unicode();
    for (block_bytes, room, longest) in [(512, 250, 20), (1024, 300, 30), (4096, 500, 40)] {
        let mut undone = Vec::new();
        let mut random = Random(block_bytes as u64);
        let mut store = Memory::new(room, block_bytes, 1);
        let mut model = Model::new();
        let mut numbers: Vec<usize> = (0..3000).collect();
        for round in 0..2 {
            for at in (1..numbers.len()).rev() {
                numbers.swap(at, random.below(at + 1));
            }
            for (at, number) in numbers.iter().enumerate() {
                let act = if round == 0 { Act::Insert(*number) } else { Act::Remove(*number) };
                assert!(step(&mut store, &mut model, &act, longest, &upcase));
                if at % 397 == 0 {
                    check(&store, &model, &upcase);
                    undone.push(undo(&store, &upcase, longest, 3001 + at));
                }
            }
            check(&store, &model, &upcase);
        }
        assert!(model.is_empty() && store.blocks.is_empty());
        let same = undone.iter().filter(|same| **same).count();
        assert!(same * 2 > undone.len(), "{same} of {} changes undone", undone.len());
    }
}

/// Inserting and removing leaves the same names; true when it leaves as many blocks. (Where several levels were split,
/// other names may separate the nodes afterwards, and longer ones may keep two of them apart.)
fn undo(store: &Memory, upcase: &UpCase, longest: usize, number: usize) -> bool {
    let mut copy = store.clone();
    let name = units(&name(number, longest));
    let reference = Reference(number as u64);
    let before = validate(&copy, upcase, true, &mut || store.used());
    insert_exact(&mut copy, upcase, NewEntry { reference, key: file_name(&name, 1) }).unwrap();
    remove(&mut copy, upcase, &name, reference).unwrap();
    assert!(validate(&copy, upcase, true, &mut || copy.used()) == before);
    assert!(copy.used.len() <= store.used.len() + 4, "{} blocks became {}", store.used.len(), copy.used.len());
    copy.used.len() == store.used.len()
}

#[test]
fn a_name_that_differs_in_case_is_taken_and_found() {
    let upcase = UpCase::unicode();
    let mut store = Memory::new(400, 4096, 1);
    let entry = |text: &str, number| NewEntry { reference: Reference(number), key: file_name(&units(text), 0) };
    insert(&mut store, &upcase, entry("Übung.txt", 1)).unwrap();
    let error = insert(&mut store, &upcase, entry("üBUNG.TXT", 2)).unwrap_err();
    assert_eq!(error.without_advice(), "the name \"üBUNG.TXT\" is taken in the directory (by \"Übung.txt\")");
    assert_eq!(find(&store, &upcase, &units("ÜBUNG.TXT")).unwrap().unwrap().reference, Reference(1));
    let error = remove(&mut store, &upcase, &units("Übung.txt"), Reference(2)).unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    insert_exact(&mut store, &upcase, entry("ÜBUNG.TXT", 3)).unwrap();
    assert_eq!(find(&store, &upcase, &units("Übung.txt")).unwrap().unwrap().reference, Reference(1));
}
