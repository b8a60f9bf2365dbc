// Opens the dialog that makes or joins a server, which is fetched then.
export const addServer = () => void import("./forms.tsx").then(({ openAdd }) => openAdd());
