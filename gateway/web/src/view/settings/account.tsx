// The account: what it says of itself, how one gets into it, what is kept of it, and its end.
import { Show } from "solid-js";
import { state } from "../../app/client.ts";
import { DeleteAccount } from "./delete.tsx";
import { ExportData } from "./export.tsx";
import { KeepAccount } from "./keep.tsx";
import { ChangePassword } from "./password.tsx";
import { ProfileForm } from "./profile.tsx";
import "./settings.css";

export default function Account() {
  const guest = () => state.me?.guest === true;
  return (
    <>
      <Show when={guest()}>
        <KeepAccount />
      </Show>
      <ProfileForm />
      <Show when={!guest()}>
        <ChangePassword />
      </Show>
      <ExportData />
      <DeleteAccount />
    </>
  );
}
