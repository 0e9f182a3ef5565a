"""Words that people who give feedback use for one another: a line is one sense, a word may have several.

Made by hand for feedback on products of any kind, from what anybody knows of how such things are called (English, and the commonest
words of German, Spanish and French); `_` joins words that mean something only together. Near meanings count as well as equal
ones: a sense is worth less than the word itself (`slipway.feedback.similar`).
"""

from __future__ import annotations

from slipway.feedback.words import spelled, stem

_SENSES = """
login signin logon log_in sign_in signing_in sign_on signon logging_in authenticate authentication anmelden anmeldung einloggen login iniciar_sesion acceso connexion connecter
logout signout log_out sign_out logged_out signed_out kicked_out session abmelden ausloggen cerrar_sesion sesion deconnexion
register signup sign_up signing_up registration create_account join registrieren konto registro registrarse inscription inscrire
account profile user konto benutzerkonto cuenta compte
password passphrase passcode pin credential kennwort passwort contrasena mot_de_passe
sso single_sign saml okta identity_provider
two_factor 2fa mfa two_step second_factor verification authenticator one_time otp verificacion
fingerprint biometric face_id touch_id faceid touchid passkey
forgot forget forgotten reset recover recovery lost vergessen zurucksetzen olvidar recuperar oublier
locked lock lockout blocked block ban suspended gesperrt bloqueado bloque
remember keep store save retain preserve persist stay template preset merken behalten speichern recordar guardar garder enregistrer
autosave auto_save draft save_automatically unsaved lose_work lost_work
export download extract dump save_as backup get_data take_out exportieren herunterladen exportar descargar bajar exporter telecharger
import upload bring_in load ingest migrate migration move_over moving_over switch_from transfer importieren hochladen importar subir cargar importer
csv spreadsheet excel xlsx xls sheet table tabelle hoja tableur
pdf printable print printing printout paper hard_copy drucken ausdrucken imprimir imprimer
document file doc paper attachment datei dokument documento archivo fichier
attachment attach attached file upload anhang anhange adjunto piece_jointe
image picture photo photograph pic img screenshot bild foto fotos imagen fotografia photographie
video movie clip recording film tutorial
zip archive compressed bundle
json xml machine_readable structured
crash freeze hang quit die died dead stuck unresponsive frozen close_itself abort absturz sturzt einfrieren hangt bloquea cuelga plante
error fail failure failed bug broken problem issue wrong fault exception not_working doesnt_work stops_working fehler kaputt fehlerhaft falsch funktioniert error falla fallo roto erreur panne marche_pas
nothing no_reaction no_effect unresponsive does_nothing not_respond ignore ignored dead
slow lag laggy sluggish delay latency slowness forever ages takes_forever performance speed wait waiting long seconds minutes hours late lahm langsam dauert ewig lento tarda lent lenteur
fast faster quick quickly speed_up snappy instant instantly immediately right_away schnell sofort rapido inmediato rapide vite
memory ram gigabyte cpu heavy resource eats hog
battery power charge drain energy akku bateria batterie
timeout time_out timed_out expire abort
load loading open opening start startup launch boot spinner laden offnen cargar abrir charger ouvrir
dark night black dark_mode night_mode dark_theme dim dunkel dunkle nacht schwarz oscuro noche negro sombre nuit noir
light bright white day glare blinding flash hell weiss claro blanco clair blanc
theme color colour appearance scheme palette style skin look design contrast farbe color tema couleur
contrast readable legible hard_read faint grey gray pale
font text letter character typeface size type schrift letra fuente police
small tiny little mini too_small klein pequeno petit
big large larger bigger huge giant enlarge increase magnify zoom gross grosser grande aumentar grand agrandir
image_size resolution original quality full_size
bill invoice receipt billing statement rechnung beleg factura recibo facture recu
pay payment paying paid charge charged purchase buy checkout zahlen bezahlen zahlung pagar pago cobro payer paiement
price cost fee expensive pricing rate amount money preis kosten gebuhr precio coste prix cout tarif
refund money_back reimburse chargeback return reimbursement erstattung reembolso devolucion remboursement
subscription plan membership tier package abo abonnement suscripcion plan abonnement
upgrade downgrade switch change_plan switch_plan move_plan
cancel cancellation unsubscribe terminate quit stop end kundigen stornieren abbrechen cancelar anular annuler resilier
renew renewal reauthorize reconnect renewed extend again
annual yearly year jahr jahrlich anual ano annuel annee
monthly month monat mensual mes mensuel mois
weekly week woche semana semaine
daily day tag dia jour today tomorrow
trial free_trial test_period demo evaluation probezeit prueba essai
discount coupon voucher promo promotion code rabatt gutschein descuento cupon remise
tax vat gst iva mwst steuer impuesto
card credit_card debit visa mastercard karte tarjeta carte
twice double doubled duplicate duplicated multiply repeated two_times same identical copy doppelt duplikat doble duplicado doublon
currency euro dollar money wahrung moneda devise
instalment installment spread several_months pay_later
tip gratuity
gift present voucher
search find look_for lookup look_up query locate seek suche suchen finden buscar busqueda encontrar recherche chercher trouver
typo misspelling spelling mistype fuzzy tolerant forgiving
result hit match found outcome ergebnis treffer resultado resultat
filter narrow restrict refine facet criteria einschranken filtern filtrar filtrer
sort order arrange ranking rank sorted ordering sortieren reihenfolge ordenar orden trier tri
phrase quotation quote exact exactly verbatim
suggest suggestion autocomplete auto_complete typeahead recommend recommendation propose vorschlag sugerencia suggestion
history recent past log audit earlier previous last_used verlauf historial historique
notification notify alert push message reminder ping buzz warning warn inform heads_up benachrichtigung hinweis meldung erinnerung notificacion aviso alerta recordatorio notification alerte rappel avertir
email mail e_mail inbox newsletter correo courriel post
sms text_message
mute silence silent quiet disturb snooze pause turn_off stop stumm ruhe silenciar silencio muet sourdine
digest summary daily_summary bundle batch overview roundup recap zusammenfassung resumen resume
unread read mark_read seen gelesen leido lu
sound noise ring tone beep audio volume ton sonido son
badge counter count number unread_count
off disable turn_off switch_off deactivate opt_out hide ausschalten deaktivieren desactivar apagar desactiver
on enable turn_on switch_on activate allow einschalten aktivieren activar activer
permission access right role privilege authorization restrict allow berechtigung recht rechte zugriff permiso acceso rol droit acces autorisation
admin administrator owner manager superuser verwalter administrador administrateur
guest visitor outsider external outside public client customer freelancer contractor gast invitado invite externe
customer client buyer shopper kunde cliente client
member teammate colleague coworker team people user staff employee person somebody everybody kollege mitglied miembro companero equipo membre collegue equipe
team group department workspace organization organisation gruppe equipo grupo groupe
invite invitation add_people onboard einladen einladung invitar invitacion inviter
owner ownership transfer hand_over take_over handover belong
private internal confidential secret hidden visible privat intern privado prive
readonly read_only view_only viewer only_read reading just_look restricted
approve approval review sign_off accept confirm genehmigen freigeben aprobar approuver
audit log trail who_changed history activity
delete remove erase clear trash bin discard drop purge deletion wipe throw_away loschen entfernen papierkorb borrar eliminar quitar supprimer effacer
restore recover undelete bring_back undo get_back wiederherstellen restaurar recuperar restaurer retablir
undo revert roll_back rollback ctrl_z reverse step_back take_back mistake accident accidentally by_mistake ruckgangig deshacer annuler
confirm confirmation are_you_sure ask_before warn prompt
api endpoint rest interface programmatic developer programmer script schnittstelle
token api_key key secret credential schlussel clave cle
limit rate_limit quota throttle cap maximum max too_many limite begrenzung
webhook callback trigger hook event
documentation docs manual guide help tutorial example instruction sample explain doku anleitung hilfe documentacion documentacion guia ejemplo aide exemple
outdated obsolete stale old deprecated not_up_to_date no_longer veraltet obsoleto perime
pagination paging pages page_through walking_pages next_page
sandbox test_environment staging testing playground
sdk library client_library package
integrate integration connect connection connector link sync synchronize plugin hook_up talk_to flow verbinden anbindung integracion conectar integration connecter
sync synchronize synchronise sync_back up_to_date mirror two_way both_ways abgleich synchronisieren sincronizar synchroniser
slack teams discord chat channel messenger
jira ticket issue tracker
crm hubspot salesforce contact customer_record
contact address_book person record kontakt contacto
google gmail gcal
microsoft outlook office word
calendar schedule agenda planner date appointment kalender terminplan termin calendario agenda calendrier cita rendez
event appointment meeting standup booking occurrence termin cita reunion rendez_vous evento
recurring repeat repeating series recurrence every_week regular each_week wiederkehrend serie recurrente recurrent
reminder remind alert ahead
holiday vacation public_holiday day_off leave bank_holiday feiertag urlaub freie_tage feriado festivo vacaciones ferie conge
timezone time_zone local_time zeitzone zona_horaria fuseau
week calendar_week weekday monday sunday weekend saturday woche wochenende semana fin
hour time clock o_clock uhr uhrzeit stunde hora heure
available availability free free_slot open_slot vacant spare frei verfugbar disponible libre
drag drop drag_drop drag_and move pull reorder rearrange ziehen verschieben arrastrar mover glisser deplacer
map location place position gps geo karte ort standort mapa ubicacion lugar carte lieu
satellite aerial layer terrain street
route direction navigation way path distance weg strecke ruta chemin itineraire
coordinate latitude longitude lat lon gps position
marker pin spot point place poi
near nearby near_me close_by around distance closest nahe cerca pres proche
area region shape zone polygon sketch draw freehand gebiet zona zone
zoom enlarge magnify pinch scale two_hundred
book booking reserve reservation appointment slot buchen buchung reservieren reservierung reservar reserva reserver reservation
reschedule move_appointment change_date postpone shift another_day verschieben aplazar reporter
overbook double_booking double_book same_room clash conflict overlap two_groups
waitlist waiting_list queue full fully_booked sold_out ausgebucht lista_espera liste_attente
buffer gap break pause between space
deposit prepay prepayment down_payment upfront advance anzahlung deposito acompte
no_show noshow not_show dont_turn absent
several multiple many bulk batch mass more_than at_once one_go one_by one_time together everything all_together mehrere viele mehreren alle varios multiples muchos plusieurs
offline no_internet without_internet without_connection no_connection disconnected no_signal no_network airplane plane subway train tunnel basement flight ohne_internet sin_conexion sin_internet hors_ligne
internet connection network online wifi signal reception mobile_data verbindung netz conexion red connexion reseau
conflict merge both_changed clash overwrite overwritten two_people concurrent simultaneous konflikt conflicto conflit
queue later pending outbox transmit send_later
cache stored locally local download
storage space disk room capacity gigabyte quota speicher espacio almacenamiento stockage espace
shortcut hotkey key_binding keybinding key_combination binding keyboard tastenkurzel tastaturkurzel atajo raccourci
keyboard key keys type typing tastatur teclado clavier
arrow cursor_key caret cursor pfeil flecha
cursor caret insertion_point pointer
escape esc close cancel
enter return submit send
mouse click pointer tap press touch klick clic raton souris
tab focus focus_order jump
accessibility accessible a11y disabled disability blind deaf impaired wheelchair barrierefrei accesibilidad accessibilite
screen_reader screenreader voiceover nvda jaws talkback read_aloud read_out vorlesen lector_pantalla lector lecteur_ecran
caption subtitle transcript untertitel subtitulo sous_titre
animation motion movement moving sliding effect dizzy nausea blink flicker bewegung animacion
alt_text alternative_text image_description describe
label name title caption describe description etikett beschriftung etiqueta nombre titulo etiquette nom titre
color_blind colorblind colourblind red_green
language translation translate localization localisation locale translated sprache ubersetzung ubersetzen idioma traduccion traducir langue traduction traduire
english german french spanish italian portuguese dutch arabic japanese chinese polish russian turkish
rtl right_left right_to_left arabic hebrew mirrored
date_format format region regional locale day_month
decimal comma point separator number_format 3 thousand
umlaut accent accented special_character diacritic encoding garbled utf mojibake sonderzeichen acento tilde caracter
unit metric imperial kilometer miles celsius fahrenheit
share sharing send hand pass publish teilen geteilt freigeben freigegeben compartir partager
link url address hyperlink verlinkung enlace lien
public anyone anybody everyone open world
expire expiry expiration valid automatically_stop time_limit ablaufen caducar expirer
embed embedded iframe widget website site
qr qr_code barcode scan
preview thumbnail glimpse before vorschau vista_previa apercu
comment remark note discussion feedback reply annotate annotation kommentar anmerkung comentario nota commentaire remarque
mention at_mention tag_people name_somebody
reply answer respond response antwort antworten respuesta responder reponse repondre
onboarding introduction intro tour getting_started walkthrough first_steps guided welcome tutorial einfuhrung rundgang introduccion recorrido bienvenida visite bienvenue
skip dismiss close bypass jump_over uberspringen omitir saltar passer
restart start_again replay again redo run_again repeat
checklist todo to_do list_of steps remaining
sample example dummy demo_data template beispiel muster ejemplo muestra exemple
setup set_up configure configuration settings install preference option einstellung einrichten konfigurieren configuracion ajuste opcion reglage parametre
confusing unclear complicated difficult hard understand overwhelmed lost impossible verwirrend unklar confuso complicado confus complique
find_button hidden hard_to cant_find impossible_find where
chart graph plot diagram visualization visualisation diagramm grafik grafico grafica graphique
bar_chart bar column histogram
pie pie_chart donut slice sector
line trend curve line_chart trendline
axis axes scale x_axis y_axis
zero 0 nil empty null cero
gap missing blank hole no_measurement no_data absent fehlt fehlen faltan manque
compare comparison versus side_by against previous_year last_year vergleich vergleichen comparar comparer
forecast predict prediction extrapolate projection future next_quarter prognose pronostico prevision
tooltip hover mouseover value
legend key series
stack stacked cumulative category
drill drill_down underlying behind details records
report dashboard analytics statistics stats insight metric bericht auswertung informe reporte rapport tableau_bord panel
record entry row item data line datensatz eintrag zeile registro fila entrada entree ligne
data information datum daten datos informacion donnees
field column attribute property spalte feld columna campo colonne champ
total sum amount subtotal summe suma somme
average mean median
refresh reload update current live real_time realtime pull_down swipe_down aktualisieren neu_laden actualizar recargar recarga actualiser rafraichir
virus malware infected scan security
version revision previous_version earlier_version newer fassung version
replace swap exchange substitute new_version ersetzen austauschen reemplazar sustituir remplacer
find_replace search_replace suchen_ersetzen
rotate rotated sideways orientation turned upside portrait landscape quer hochkant gedreht girar rotar tourner
size_limit too_large too_big megabyte mb limit
rename name_file change_name umbenennen renombrar renommer
folder directory category place ordner verzeichnis carpeta dossier
tag label category keyword categorize schlagwort etiqueta
editor write writing compose edit text_field schreiben bearbeiten editar escribir editer ecrire modifier
edit change modify alter altered correct adjust update amend andern bearbeiten cambiar modificar changer
paste copy clipboard insert einfugen kopieren pegar copiar coller copier
format formatting style markdown bold rich_text plain_text formatierung formato mise_forme
code snippet syntax highlighting program
table grid cell rows tabelle zelle tabla celda tableau cellule
list bullet bullets numbered liste lista
spellcheck spell_check grammar red_underline rechtschreibung
word_count character_count count_words length
emoji smiley emoticon reaction
template blueprint boilerplate preset reuse vorlage plantilla modele
collaborate together same_time simultaneously co_edit at_the_same
paypal apple_pay google_pay wallet
receipt proof confirmation
cart basket shopping_cart warenkorb carrito panier
deliver delivery shipping ship shipment dispatch parcel package courier lieferung versand paket envio entrega paquete livraison colis
track tracking where_is follow status sendungsverfolgung seguimiento suivi
arrive arrived came come received show_up delivered ankommen angekommen llegar arriver
address street postcode zip_code adresse anschrift direccion adresse
pickup pick_up collect locker store abholen recoger retirer
return send_back exchange zuruckschicken devolver retourner
late delayed delay behind overdue too_late verspatung retraso retard
stock inventory available sold_out out_of_stock vorratig agotado rupture
wishlist wish_list favorite favourite bookmark star save_later merkliste favorito favori
order purchase bestellung pedido commande
mobile phone smartphone iphone android cell device handy telefon movil telefono telephone
tablet ipad large_screen big_screen
app application software program anwendung aplicacion programa logiciel
screen display page view window monitor bildschirm seite pantalla pagina ecran
homescreen home_screen widget start_page startseite inicio accueil
browser chrome firefox safari edge webpage website site
windows mac macos linux operating_system system os
button icon control knopf schaltflache taste boton bouton
menu navigation sidebar toolbar bar dropdown menu
dialog popup pop_up modal window overlay dialogo fenster ventana fenetre
swipe gesture slide scroll pull wischen deslizar glisser
scroll scrolling position jump top
layout overlap overlapping cut_off falls_apart misaligned squeezed messy
split split_view side_by_side detail beside two_panes
automatic automatically auto by_itself itself schedule automatisch automaticamente automatique
manual manually by_hand tedious one_by_one
custom customize customise own personalize configurable personalizar personnaliser anpassen eigene
select choose pick selection option auswahlen wahlen seleccionar elegir elijo choisir
show display see view visible indicate reveal visualize zeigen anzeigen angezeigt mostrar ver afficher voir montrer
hide conceal invisible collapse verstecken ausblenden ocultar masquer cacher
add create new insert make hinzufugen erstellen neu anadir agregar crear nuevo ajouter creer nouveau
move transfer shift relocate verschieben mover deplacer
send submit transmit deliver forward post senden schicken abschicken enviar mandar envoyer
form questionnaire submission fill fill_in formular formulario formulaire
require mandatory compulsory obligatory required pflicht obligatorio obligatoire
stop prevent avoid block forbid verhindern evitar impedir empecher eviter
task todo to_do assignment job work aufgabe tarea tache
project board workspace projekt proyecto projet
assign assignee responsible delegate zuweisen asignar assigner
deadline due due_date frist plazo echeance
priority urgent important prioritat prioridad priorite
done complete completed finish finished close closed closing resolve fertig erledigt terminado completo termine
support help contact_us customer_service chat hilfe soporte ayuda aide
spam junk unwanted too_many pushy bother annoying nervig molesto
privacy gdpr consent cookie tracking datenschutz privacidad confidentialite
security secure safe encryption encrypted sicherheit seguridad securite
old older previous former past alt alte viejo antiguo ancien vieux
new newer latest recent neu neue nuevo reciente nouveau
first initial beginning start anfang primero premier debut
end bottom last finish ende final ultimo fin dernier
limit_login attempts too_many_attempts tries
avatar profile_picture photo
username nickname display_name benutzername usuario
team_plan seats seat license licence users
"""


def senses() -> tuple[dict[str, tuple[int, ...]], dict[tuple[str, ...], tuple[int, ...]]]:
    """The numbers of the senses of each stem, and of each run of stems that has some of its own."""
    words: dict[str, set[int]] = {}
    phrases: dict[tuple[str, ...], set[int]] = {}
    for number, line in enumerate(_SENSES.strip().splitlines()):
        for entry in line.split():
            run = tuple(stem(word) for word in spelled(entry))
            if len(run) == 1:
                words.setdefault(run[0], set()).add(number)
            else:
                phrases.setdefault(run, set()).add(number)
    order = {stem: tuple(sorted(found)) for stem, found in words.items()}
    return order, {run: tuple(sorted(found)) for run, found in phrases.items()}
