// The page of who is in no server yet: what he does, and beside it what it is about.
import type { JSX } from "solid-js";
import { Mark } from "../../kit/icon.tsx";

export function EnterFrame(props: { children: JSX.Element; about: JSX.Element }) {
  return (
    <div class="enter">
      <main class="enter-form">
        <p class="wordmark">
          <Mark />
          Confab
        </p>
        {props.children}
      </main>
      <aside class="enter-about">{props.about}</aside>
    </div>
  );
}
