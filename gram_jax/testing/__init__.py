"""What tests share: small catalogues, small models, oracles and scripted stand-ins."""
