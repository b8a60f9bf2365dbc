// The key that a subscription was made with: who pushes with another one is refused by the push service.

/** As `push_get_vapid` writes it: base64url without padding. Nothing where the browser does not say it. */
export function keyOf({ options }: Pick<PushSubscription, "options">): string | undefined {
  const { applicationServerKey } = (options as PushSubscriptionOptions | undefined) ?? {};
  if (applicationServerKey == null) return undefined;
  const bytes = String.fromCharCode(...new Uint8Array(applicationServerKey));
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
