"""From a provider's button to a login: the pages, the steps to a person, and the doors for programs."""
