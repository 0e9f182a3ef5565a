// What an application in a page does with the web SDK, by the name `shop`, for a test to call.
import { OpenFeature } from "@openfeature/web-sdk";
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";

window.shop = {
  /** Resolves to the provider's status, whether or not it got an answer. */
  async open(baseUrl, key, context, options) {
    const headers = [["Authorization", `Bearer ${key}`]];
    await OpenFeature.setContext(context);
    await OpenFeature.setProviderAndWait(new OFREPWebProvider({ baseUrl, headers, ...options })).catch(() => {});
    return OpenFeature.getClient().providerStatus;
  },
  become: (context) => OpenFeature.setContext(context),
  details(flag, otherwise) {
    const { value, variant, reason, errorCode } = OpenFeature.getClient().getBooleanDetails(flag, otherwise);
    return { value, variant, reason, errorCode };
  },
};
