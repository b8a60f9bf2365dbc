/** Characters that a message may have. */
export const LONGEST = 2_000;
/** How many are left when it is said. */
export const NEAR = 200;
