use super::*;

/// A page that shows 10 of 110 lines.
const PAGE: Page = Page { total: 110, rows: 10, home_is_start: false, grows: false, thinking: None };

fn drawn(answer: &mut Answer, matches: &[usize]) -> (usize, usize) {
    let drawn = answer.place(matches, PAGE);
    answer.drawn(drawn);
    (drawn.from, drawn.selected_match)
}

#[test]
fn scrolling_stays_in_the_text_and_the_end_is_followed() {
    let mut answer = Answer::default();
    assert_eq!(drawn(&mut answer, &[]), (100, 0));
    answer.scroll(-3);
    assert_eq!((drawn(&mut answer, &[]), answer.is_scrolled()), ((97, 0), true));
    answer.scroll(-1000);
    assert_eq!(drawn(&mut answer, &[]), (0, 0));
    answer.scroll(100);
    assert_eq!((drawn(&mut answer, &[]), answer.is_scrolled()), ((100, 0), false));
    // A text that became shorter returns to the home position.
    answer.scroll(-50);
    let shorter = answer.place(&[], Page { total: 30, ..PAGE });
    answer.drawn(shorter);
    assert_eq!((shorter.from, answer.is_scrolled()), (20, false));
}

#[test]
fn a_text_that_is_not_generated_opens_at_its_start() {
    let mut answer = Answer::default();
    let place = |answer: &mut Answer| {
        let drawn = answer.place(&[], Page { home_is_start: true, ..PAGE });
        answer.drawn(drawn);
        drawn.from
    };
    assert_eq!(place(&mut answer), 0);
    answer.scroll(30);
    assert_eq!(place(&mut answer), 30);
    answer.to_end();
    assert_eq!((place(&mut answer), answer.is_scrolled()), (100, true));
    answer.to_top();
    assert_eq!((place(&mut answer), answer.is_scrolled()), (0, false));
}

#[test]
fn a_search_selects_the_next_match_below_and_wraps_around() {
    let mut answer = Answer::default();
    drawn(&mut answer, &[]);
    answer.scroll(-60);
    let matches = [5, 48, 49, 90];
    answer.begin_search();
    answer.edit_search(&Edit::Insert('a'));
    // The match is already visible, so the view does not scroll.
    assert_eq!(drawn(&mut answer, &matches), (40, 1));
    answer.step(1);
    assert_eq!(drawn(&mut answer, &matches), (40, 2));
    answer.step(1);
    assert_eq!(drawn(&mut answer, &matches), (87, 3));
    // Two key presses before the next frame.
    answer.step(1);
    answer.step(1);
    assert_eq!(drawn(&mut answer, &matches), (45, 1));
    answer.step(-2);
    assert_eq!(drawn(&mut answer, &matches), (87, 3));
    // Scrolling away does not select another match.
    answer.scroll(-80);
    assert_eq!(drawn(&mut answer, &matches), (7, 3));
    answer.drop_search();
    assert_eq!((drawn(&mut answer, &[]), answer.has_matches()), ((7, 0), false));
}

#[test]
fn a_step_without_matches_does_nothing() {
    let mut answer = Answer::default();
    drawn(&mut answer, &[]);
    answer.step(1);
    assert_eq!(drawn(&mut answer, &[3, 4]), (100, 0));
}

#[test]
fn reasoning_is_shown_until_the_answer_begins_unless_the_user_toggled_it() {
    let mut answer = Answer::default();
    assert!(answer.shows_thinking(false) && !answer.shows_thinking(true) && !answer.can_fold());
    answer.drawn(Drawn { page: Page { thinking: Some((0, false)), ..PAGE }, ..Drawn::default() });
    assert!(answer.is_folded());
    answer.toggle_thinking();
    assert!(answer.shows_thinking(false) && answer.shows_thinking(true));
    answer.drawn(Drawn { page: Page { thinking: Some((0, true)), ..PAGE }, ..Drawn::default() });
    answer.toggle_thinking();
    assert!(!answer.shows_thinking(false) && !answer.shows_thinking(true));
}

/// First lines of the frames before and after the reasoning is toggled. It has 50 lines from line 2 on, or one if
/// folded.
fn refolded(answer: &mut Answer, grows: bool, is_shown: bool) -> (usize, usize) {
    answer.unfolded = Some(is_shown);
    let draw = |answer: &mut Answer| {
        let is_shown = answer.shows_thinking(true);
        let total = if is_shown { 159 } else { 110 };
        let drawn = answer.place(&[], Page { total, grows, thinking: Some((2, is_shown)), ..PAGE });
        answer.drawn(drawn);
        drawn.from
    };
    let before = draw(answer);
    answer.toggle_thinking();
    let after = draw(answer);
    assert_eq!(draw(answer), after, "the next frame stays there");
    (before, after)
}

#[test]
fn folding_the_reasoning_keeps_the_answer_in_place() {
    let at = |top| Answer { top: Some(top), ..Answer::default() };
    // The first line on the screen belongs to the answer.
    assert_eq!(refolded(&mut at(100), false, true), (100, 51));
    // The first line on the screen is folded away: the first line of the reasoning is shown.
    assert_eq!(refolded(&mut at(30), false, true), (30, 2));
    assert_eq!(refolded(&mut at(1), false, true), (1, 1));
    // The end of a complete text stays on the screen.
    assert_eq!(refolded(&mut Answer::default(), false, true), (149, 100));
}

#[test]
fn unfolded_reasoning_is_shown_from_its_start() {
    let at = |top| Answer { top: Some(top), ..Answer::default() };
    assert_eq!(refolded(&mut at(60), false, false), (60, 2));
    assert_eq!(refolded(&mut at(1), false, false), (1, 1));
    assert_eq!(refolded(&mut Answer::default(), false, false), (100, 2));
    // A growing text stays followed unless the user scrolled.
    assert_eq!(refolded(&mut Answer::default(), true, false), (100, 149));
    assert_eq!(refolded(&mut at(60), true, false), (60, 2));
}
