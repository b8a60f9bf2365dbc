// Which pictures are shown of those that people name: an address is fetched by everybody who sees it, with his cookie.

/** Where a deployment serves what was uploaded; whatever else it answers is no picture. */
const FILES = /^\/files\/[\w./-]+$/;

/** The address of an uploaded file of this deployment, as it is fetched; nothing is fetched from elsewhere. */
export function pictureAt(address: string, here = location.origin): string | undefined {
  try {
    const { origin, pathname, search } = new URL(address, here);
    return origin === here && FILES.test(pathname) && search === "" ? pathname : undefined;
  } catch {
    return undefined;
  }
}
