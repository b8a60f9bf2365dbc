/** Whether an input method composes a character: then no key means anything else. Safari ends it before its last key. */
export const composing = (event: KeyboardEvent) => event.isComposing || event.keyCode === 229;
