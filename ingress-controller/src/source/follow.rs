//! Bringing a list of objects to what is there now, without a touch of those that are the same.

use std::sync::Arc;

/// Makes `list` the same as `now`. What is in both is left where it is: not even its references are counted.
pub(super) fn follow<'o, K: 'o>(list: &mut Vec<Arc<K>>, now: impl IntoIterator<Item = &'o Arc<K>>) {
    let mut now = now.into_iter().peekable();
    let mut at = 0;
    while let Some(object) = now.next() {
        let is =
            |place: Option<&Arc<K>>, object: &Arc<K>| place.is_some_and(|held| Arc::ptr_eq(held, object));
        if !is(list.get(at), object) {
            if is(list.get(at + 1), object) {
                // One is gone from here.
                list.remove(at);
            } else if now.peek().is_some_and(|next| is(list.get(at), next)) {
                list.insert(at, object.clone());
            } else if let Some(place) = list.get_mut(at) {
                place.clone_from(object);
            } else {
                list.push(object.clone());
            }
        }
        at += 1;
    }
    list.truncate(at);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_becomes_the_other() {
        let objects: Vec<_> = (0..6).map(Arc::new).collect();
        let pick =
            |numbers: &[usize]| numbers.iter().map(|number| objects[*number].clone()).collect::<Vec<_>>();
        let lists: [&[usize]; 9] = [
            &[],
            &[0, 1, 2],
            &[0, 2],
            &[0, 1, 2, 3],
            &[4, 1, 2, 3],
            &[5, 4, 1],
            &[1],
            &[3, 2, 1, 0],
            &[2, 3],
        ];
        for from in lists {
            for to in lists {
                let mut list = pick(from);
                follow(&mut list, &pick(to));
                assert!(list.iter().zip(&pick(to)).all(|(one, other)| Arc::ptr_eq(one, other)));
                assert_eq!(list.len(), to.len(), "{from:?} to {to:?}");
            }
        }
    }
}
