SwaggerUIBundle({
  url: "/docs/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  // Picus has no CORS, so a page of another address can't call it.
  supportedSubmitMethods: [],
  // Nothing leaves this machine.
  validatorUrl: null,
});
