"""The visitor's preferences: the language of some sentences, and the theme.

English is written in the pages themselves and is the key here; what has no line stays English.
"""

from coatcheck.web import session

LANGUAGES = {"en": "English", "de": "Deutsch", "es": "Español", "fr": "Français"}
THEMES = {"auto": "As my device", "light": "Light", "dark": "Dark"}


def language():
    return session.get("preferences", {}).get("language", "en")


def theme():
    return session.get("preferences", {}).get("theme", "auto")


def t(text):
    """*text* in the visitor's language."""
    return dict(zip(("de", "es", "fr"), _WORDS.get(text, ()), strict=False)).get(language(), text)


_WORDS = {
    # The menu and what stands on every page
    "Visit counter": ("Besuchszähler", "Contador de visitas", "Compteur de visites"),
    "Set and get": ("Setzen und lesen", "Guardar y leer", "Écrire et lire"),
    "Shopping cart": ("Warenkorb", "Carrito", "Panier"),
    "Preferences": ("Einstellungen", "Preferencias", "Préférences"),
    "Username form": ("Namensformular", "Formulario", "Formulaire"),
    "Skip to the page": ("Zum Inhalt", "Ir al contenido", "Aller au contenu"),
    "Pages": ("Seiten", "Páginas", "Pages"),
    "Behind the counter": ("Hinter der Theke", "Detrás del mostrador", "Derrière le comptoir"),
    "What the session holds": (
        "Was die Sitzung enthält",
        "Lo que guarda la sesión",
        "Ce que contient la session",
    ),
    "The code of this page": (
        "Der Code dieser Seite",
        "El código de esta página",
        "Le code de cette page",
    ),
    "Start over": ("Von vorn beginnen", "Empezar de nuevo", "Tout recommencer"),
    "Nothing yet. You have no ticket.": (
        "Noch nichts. Sie haben keine Marke.",
        "Nada todavía. No tiene ficha.",
        "Rien pour l'instant. Vous n'avez pas de ticket.",
    ),
    "Nothing any more. Your ticket is still good.": (
        "Nichts mehr. Ihre Marke gilt weiter.",
        "Ya nada. Su ficha sigue siendo válida.",
        "Plus rien. Votre ticket reste valable.",
    ),
    "No script, no tracking, one cookie. Stop the server and start it again: your things are "
    "still here.": (
        "Kein Skript, kein Tracking, ein Cookie. Den Server anhalten und neu starten: Ihre "
        "Sachen sind noch da.",
        "Sin scripts, sin rastreo, una cookie. Detenga el servidor y reinícielo: sus cosas "
        "siguen aquí.",
        "Aucun script, aucun pistage, un cookie. Arrêtez le serveur et relancez-le : vos "
        "affaires sont toujours là.",
    ),
    # The start page
    "Hand in the coat, keep the ticket.": (
        "Mantel abgeben, Marke behalten.",
        "Deje el abrigo, guarde la ficha.",
        "Laissez le manteau, gardez le ticket.",
    ),
    "Your browser keeps a small token, and the server keeps what belongs to you. Each page here "
    "shows the lines of code that make it, and what your session holds after them.": (
        "Ihr Browser behält eine kleine Marke, der Server behält, was Ihnen gehört. Jede Seite "
        "zeigt die Zeilen, aus denen sie gemacht ist, und was Ihre Sitzung danach enthält.",
        "Su navegador guarda una pequeña ficha y el servidor guarda lo que es suyo. Cada página "
        "muestra las líneas de código que la hacen y lo que su sesión contiene después.",
        "Votre navigateur garde un petit ticket, le serveur garde ce qui vous appartient. Chaque "
        "page montre les lignes de code qui la font et ce que votre session contient ensuite.",
    ),
    "Counts how often you came, and goes on counting tomorrow.": (
        "Zählt, wie oft Sie da waren, und zählt morgen weiter.",
        "Cuenta cuántas veces ha venido, y mañana seguirá contando.",
        "Compte vos passages, et continuera demain.",
    ),
    "Two values under two keys, and back again.": (
        "Zwei Werte unter zwei Namen, und wieder zurück.",
        "Dos valores bajo dos claves, y de vuelta.",
        "Deux valeurs sous deux clés, et retour.",
    ),
    "A list that is changed in place, and saved all the same.": (
        "Eine Liste, an Ort und Stelle geändert und trotzdem gespeichert.",
        "Una lista que se cambia en el sitio y aun así se guarda.",
        "Une liste modifiée sur place, et enregistrée quand même.",
    ),
    "Your language and theme, on every page that follows.": (
        "Ihre Sprache und Ihr Farbschema, auf jeder weiteren Seite.",
        "Su idioma y su tema, en todas las páginas que siguen.",
        "Votre langue et votre thème, sur toutes les pages suivantes.",
    ),
    "Send, be redirected, be thanked. Reload and back are safe.": (
        "Senden, weitergeleitet werden, Dank erhalten. Neu laden und zurück sind sicher.",
        "Enviar, ser redirigido, recibir las gracias. Recargar y volver es seguro.",
        "Envoyer, être redirigé, être remercié. Recharger et revenir sont sans danger.",
    ),
    "A mistake": ("Ein Fehler", "Un error", "Une erreur"),
    "Reads a key that nobody has set. The answer says where, and how to mend it.": (
        "Liest einen Namen, den niemand gesetzt hat. Die Antwort sagt, wo, und was zu tun ist.",
        "Lee una clave que nadie ha guardado. La respuesta dice dónde y cómo arreglarlo.",
        "Lit une clé que personne n'a écrite. La réponse dit où, et comment y remédier.",
    ),
    # Preferences
    "Choose how this site speaks and looks. The choice is kept in your session, so it is there on "
    "every page, and tomorrow.": (
        "Wählen Sie, wie diese Seite spricht und aussieht. Die Wahl liegt in Ihrer Sitzung und "
        "gilt auf jeder Seite, auch morgen.",
        "Elija cómo habla y cómo se ve este sitio. La elección se guarda en su sesión y vale en "
        "todas las páginas, también mañana.",
        "Choisissez la langue et l'apparence de ce site. Le choix est gardé dans votre session et "
        "vaut sur chaque page, demain aussi.",
    ),
    "Language": ("Sprache", "Idioma", "Langue"),
    "Theme": ("Farbschema", "Tema", "Thème"),
    "As my device": ("Wie mein Gerät", "Como mi dispositivo", "Comme mon appareil"),
    "Light": ("Hell", "Claro", "Clair"),
    "Dark": ("Dunkel", "Oscuro", "Sombre"),
    "Save": ("Speichern", "Guardar", "Enregistrer"),
    "Saved, for this page and all others.": (
        "Gespeichert, für diese Seite und alle anderen.",
        "Guardado, para esta página y todas las demás.",
        "Enregistré, pour cette page et toutes les autres.",
    ),
    "The menu, the headings, the start page and this page speak your language; the rest of the "
    "demo is English.": (
        "Menü, Überschriften, Startseite und diese Seite sprechen Ihre Sprache; der Rest der Demo "
        "ist englisch.",
        "El menú, los títulos, la portada y esta página hablan su idioma; el resto de la demo está "
        "en inglés.",
        "Le menu, les titres, l'accueil et cette page parlent votre langue ; le reste de la démo "
        "est en anglais.",
    ),
}
