"""What the visitor's preferences change here: the language of some sentences, and the theme.

English is written in the pages themselves and is the key here; what has no line stays English.
"""

from coatcheck.web import session


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
    "Disappearing Ninjas": ("Verschwindende Ninjas", "Ninjas fugaces", "Ninjas évanescents"),
    "Email Validation": ("E-Mail-Prüfung", "Validar el correo", "Vérifier un e-mail"),
    "Login and Registration": (
        "Anmeldung und Registrierung",
        "Acceso y registro",
        "Connexion et inscription",
    ),
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
    "The same in one file:": (
        "Dasselbe in einer Datei:",
        "Lo mismo en un solo archivo:",
        "La même chose en un seul fichier :",
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
    "The exercises": ("Die Übungen", "Los ejercicios", "Les exercices"),
    "And more": ("Und mehr", "Y más", "Et aussi"),
    "Four buildings, a purse and a log. What you win is drawn on the server.": (
        "Vier Häuser, ein Beutel, ein Protokoll. Was Sie gewinnen, wird auf dem Server gezogen.",
        "Cuatro edificios, una bolsa y un registro. Lo que gana se sortea en el servidor.",
        "Quatre bâtiments, une bourse, un journal. Ce que vous gagnez est tiré sur le serveur.",
    ),
    "The colour in the address says which turtle you see.": (
        "Die Farbe in der Adresse sagt, welche Schildkröte zu sehen ist.",
        "El color de la dirección dice qué tortuga se ve.",
        "La couleur dans l'adresse dit quelle tortue apparaît.",
    ),
    "Addresses that are checked, then kept in the database.": (
        "Adressen, geprüft und dann in der Datenbank behalten.",
        "Direcciones que se comprueban y se guardan en la base de datos.",
        "Des adresses vérifiées, puis gardées dans la base de données.",
    ),
    "Who you are, kept for as long as you stay, and ended when you leave.": (
        "Wer Sie sind, solange Sie bleiben, und nicht länger.",
        "Quién es usted mientras se queda, y nada más al irse.",
        "Qui vous êtes, tant que vous restez, et plus rien quand vous partez.",
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
    "A list that is changed in place, and an order that is placed once.": (
        "Eine Liste, an Ort und Stelle geändert, und eine Bestellung, die einmal gilt.",
        "Una lista que se cambia en el sitio y un pedido que se hace una sola vez.",
        "Une liste modifiée sur place, et une commande passée une seule fois.",
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
}
