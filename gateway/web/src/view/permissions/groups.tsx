// Permissions under their headings, each with what switches it.
import { For, type JSX } from "solid-js";
import { say } from "../../lang/index.ts";
import { bitOf, type GROUPS, type PermissionWords } from "./words.ts";
import "./groups.css";

export interface PermissionGroupsProps {
  groups: typeof GROUPS;
  children: (words: PermissionWords, bit: number) => JSX.Element;
}

export function PermissionGroups(props: PermissionGroupsProps) {
  return (
    <For each={props.groups}>
      {({ title, permissions }) => (
        <div class="permission-group" role="group" aria-label={say(title)}>
          <h3>{say(title)}</h3>
          <For each={permissions}>{(words) => props.children(words, bitOf(words.name))}</For>
        </div>
      )}
    </For>
  );
}
