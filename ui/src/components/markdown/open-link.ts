/** How a link is opened is not this component's business: the view provides it. Without a provider nothing is opened. */
import { createContext } from "react";

export const OpenLinkContext = createContext<(url: string) => void>(() => {});
