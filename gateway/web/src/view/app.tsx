import { Mark } from "../kit/icon.tsx";

export function App() {
  return (
    <h1 class="wordmark">
      <Mark />
      Confab
    </h1>
  );
}
