"""How the platform is started, packaged and described; nothing here is imported by a service."""
