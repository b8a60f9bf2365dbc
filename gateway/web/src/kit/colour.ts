/** A colour of 24 bits as CSS. */
export const cssColour = (colour: number): string => `#${colour.toString(16).padStart(6, "0")}`;
